#include "tests/stand_ins/exchange/ews_endpoint.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/bad_answers.hpp"
#include "tests/stand_ins/exchange/operations.hpp"
#include "tests/stand_ins/exchange/soap.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

reply plain(unsigned status)
{
    reply r;
    r.status = status;
    r.content_type = "text/html; charset=utf-8";
    return r;
}

reply fault_reply(const refusal& why)
{
    reply r;
    r.status = 500;
    r.body = fault_envelope(why);
    return r;
}

// RequestServerVersion, empty where there is none.
std::string requested_version(const soap_request& request)
{
    const auto header = child(request.document.document_element(), "Header");
    return std::string(attribute(child(header, "RequestServerVersion"), "Version"));
}

mailbox* impersonated(const soap_request& request, mailbox_store& store)
{
    auto* box = store.find_mailbox(request.impersonated);
    if (!box || !box->members.empty())
        throw soap_fault{{"ErrorNonExistentMailbox",
                          "The SMTP address has no mailbox associated with it.",
                          {{"SmtpAddress", request.impersonated}}}};
    const auto header = child(request.document.document_element(), "Header");
    const auto sid = child(child(header, "ExchangeImpersonation"), "ConnectingSID");
    if (child(sid, "PrimarySmtpAddress") && ascii_lower(request.impersonated) != box->key)
        throw soap_fault{{"ErrorNonPrimarySmtpAddress",
                          "The primary SMTP address must be specified when referencing a mailbox.",
                          {{"Primary", box->email}}}};
    if (!box->impersonation_allowed)
        refuse_request("ErrorImpersonateUserDenied",
                       "The account does not have permission to impersonate the requested "
                       "user.");
    return box;
}

// Whether carrying `request` out sends invitations, updates or cancellations.
bool sends(const soap_request& request)
{
    for (const auto* name :
         {"SendMeetingInvitations", "SendMeetingInvitationsOrCancellations", "SendMeetingCancellations"})
        if (const auto how = attribute(request.operation, name); !how.empty() && how != "SendToNone")
            return true;
    return false;
}

// Keeps the count of requests that are being worked on right.
class in_flight {
public:
    explicit in_flight(ews_stats& stats) : stats_(stats)
    {
        stats_.most_in_flight = std::max(stats_.most_in_flight, ++stats_.in_flight);
    }
    ~in_flight() { --stats_.in_flight; }
    in_flight(const in_flight&) = delete;
    in_flight& operator=(const in_flight&) = delete;

private:
    ews_stats& stats_;
};

// What a request holds until its answer is sent.
struct under_way {
    explicit under_way(ews_stats& stats) : counted(stats) {}

    in_flight counted;
    throttling::charge charged;
};

} // namespace

ews_endpoint::ews_endpoint(asio::any_io_executor executor, parts p)
    : p_(p),
      desk_(executor, p.server, p.store, p.time),
      late_work_(std::move(executor))
{
}

void ews_endpoint::start_throttling(const throttling_policy& p)
{
    throttling_.apply(p);
    stats_.most_in_flight = stats_.in_flight;
}

reply ews_endpoint::unauthorized(std::vector<std::string> challenges) const
{
    auto r = plain(401);
    for (auto& value : challenges)
        r.headers.emplace_back("WWW-Authenticate", std::move(value));
    return r;
}

task<reply> ews_endpoint::answer(connection_sign_in& connection, http_request request)
{
    ++stats_.round_trips;
    const auto path = request.target.substr(0, request.target.find('?'));
    if (!ascii_iequals(path, "/EWS/Exchange.asmx"))
        co_return plain(404);
    auto challenges = p_.gatekeeper.check(connection, request.authorization);
    if (challenges) {
        const auto s = faults_.anonymous();
        co_await p_.time.sleep_for(s.delay_before);
        if (s.effect && s.effect->action != fault_action::unauthorized)
            co_return bad_answer(*s.effect, p_.server, unauthorized(std::move(*challenges)));
        co_return unauthorized(s.effect ? p_.gatekeeper.challenges() : std::move(*challenges));
    }
    if (request.method != "POST")
        co_return plain(405);
    const bool with_credentials = !request.authorization.empty();
    auto r = co_await signed_in(std::move(request));
    if (r.status == 401 && with_credentials)
        p_.gatekeeper.count_refusal();
    co_return r;
}

task<reply> ews_endpoint::signed_in(http_request http)
{
    const auto counted = std::make_shared<under_way>(stats_);
    auto request = std::make_unique<soap_request>();
    request->text = std::move(http.body);
    std::optional<reply> refused;
    try {
        open_request(*request);
    } catch (const soap_fault& e) {
        refused = fault_reply(e);
    }
    const bool empty = request->text.empty(); // somebody shows credentials and wants nothing yet
    ++stats_.requests[empty                           ? "empty"
                      : refused                       ? "invalid"
                      : find_operation(request->name) ? request->name
                                                      : "unknown"];
    if (!refused)
        ++stats_.request_versions[requested_version(*request)];
    // Before anything else, as Exchange does; of streams it counts how many hang.
    if (!refused && request->name != "GetStreamingEvents") {
        auto admitted = throttling_.admit(budget_of(*request), sends(*request), p_.time.now());
        if (admitted.refused)
            co_return throttled(*request, *admitted.refused);
        counted->charged = std::move(admitted.held);
    }
    auto s = empty ? faults_.anonymous() : faults_.next(request->name, mailboxes_of(*request));
    stats_.faults_struck += s.effect || s.delay_before.count() > 0 || s.delay_after.count() > 0;
    if (s.delay_before.count() > 0)
        co_await p_.time.sleep_for(s.delay_before);

    const auto writes_before = p_.ledger.writes().size();
    reply r;
    if (s.effect && s.effect->action == fault_action::late) {
        if (!refused)
            late_work_.spawn(do_late(std::move(request), s.effect->ms));
        r.ending = ending::reset;
    } else if (refused) {
        r = std::move(*refused);
    } else if (s.effect) {
        r = struck(*request, http, *s.effect);
    } else {
        r = carry_out(*request, http.affinity, {});
        if (r.status == 200 && !r.live)
            last_answers_[request->name] = {std::string(http.id), r.body};
    }
    co_await settle(writes_before);
    if (s.delay_after.count() > 0)
        co_await p_.time.sleep_for(s.delay_after);
    if (!r.live) // a stream is no work
        r.in_flight = counted;
    co_return r;
}

// The answer of a request that a fault strikes, with its work done or not.
reply ews_endpoint::struck(soap_request& request, const http_request& http, const fault& f)
{
    const auto& affinity = http.affinity;
    const bool availability = request.name == "GetUserAvailability";
    if (f.action == fault_action::error && availability)
        return carry_out(request, affinity,
                         {.failing_mailbox = f.mailbox.empty() ? "*" : f.mailbox, .failing_code = f.code});
    if (f.action == fault_action::unseen)
        return carry_out(request, affinity, {.unseen = f.ms});
    if (f.action == fault_action::foreign)
        return foreign(request, http, f);
    if (f.action == fault_action::unsent) {
        auto r = carry_out(request, affinity, {.unsent = true});
        r.ending = ending::reset;
        return r;
    }
    if (f.action == fault_action::saved_and_refused)
        return saved_and_refused(request, http, f);
    if (f.action == fault_action::lacking) {
        auto r = carry_out(request, http.affinity, {});
        remove_elements(f, r);
        return r;
    }
    const bool writes = request.name == "CreateItem" || request.name == "UpdateItem" ||
                        request.name == "DeleteItem" || request.name == "MoveItem" ||
                        request.name == "CopyItem";
    reply good;
    if (f.after || (spoils_answer(f.action) && !writes))
        good = carry_out(request, affinity, {});
    else if (spoils_answer(f.action))
        good.body = all_failed({p_.server, p_.zones, p_.store, p_.ledger, request},
                               {"ErrorInternalServerError", "The stand-in was told to fail.", {}});
    if (f.action == fault_action::unauthorized)
        return unauthorized(p_.gatekeeper.challenges());
    if (f.action != fault_action::error)
        return bad_answer(f, p_.server, std::move(good));
    reply r;
    r.body = all_failed({p_.server, p_.zones, p_.store, p_.ledger, request},
                        {f.code, "The stand-in was told to fail.", {}});
    return r;
}

// What a proxy does that has lost count: the answer to another request comes first, and the true one, if the work was
// done, is left for whoever asks next.
reply ews_endpoint::foreign(soap_request& request, const http_request& http, const fault& f)
{
    constexpr const char* nobodys = "00000000-0000-4000-8000-000000000000";
    reply mine;
    if (f.after)
        mine = carry_out(request, http.affinity, {});
    const auto other = last_answers_.find(f.of.empty() ? request.name : f.of);
    reply first;
    first.body = other != last_answers_.end() ? other->second.body : envelope(p_.server, {});
    first.echo = other != last_answers_.end() ? other->second.id : nobodys;
    if (!f.echo)
        first.echo = mine.echo = "";
    if (f.after) {
        first.then = std::make_shared<reply>(std::move(mine));
        first.then_after = f.ms;
    }
    return first;
}

// The first of the two steps of a write is done, and the second, sending, is what the answer tells of. A request that fails by
// itself is answered as ever.
reply ews_endpoint::saved_and_refused(soap_request& request, const http_request& http, const fault& f)
{
    const auto writes_before = p_.ledger.writes().size();
    auto r = carry_out(request, http.affinity, {.unsent = true});
    if (p_.ledger.writes().size() == writes_before)
        return r;
    if (f.as_fault)
        return soap_fault_of(f);
    r.body = all_failed({p_.server, p_.zones, p_.store, p_.ledger, request},
                        {f.code, "The stand-in was told to fail.", {}});
    return r;
}

// Free/busy has no response message for the whole request: it is always told by a fault.
reply ews_endpoint::throttled(const soap_request& request, const refusal& why) const
{
    if (throttling_.policy().answer == throttling_policy::form::fault ||
        request.name == "GetUserAvailability" || !find_operation(request.name))
        return fault_reply(why);
    reply r;
    r.body = all_failed({p_.server, p_.zones, p_.store, p_.ledger, request}, why);
    return r;
}

reply ews_endpoint::carry_out(soap_request& request, const affinity_wish& affinity, const twist& but)
{
    try {
        check_request(request, p_.server);
        operation_context context{p_.server, p_.zones, p_.store, p_.ledger, request};
        context.acting = request.impersonated.empty() ? p_.store.find_mailbox(p_.gatekeeper.account().email)
                                                      : impersonated(request, p_.store);
        context.now = p_.time.utc_now();
        context.failing_mailbox = but.failing_mailbox;
        context.failing_code = but.failing_code;
        context.unseen = but.unseen;
        context.unsent = but.unsent;
        context.habits = habits_;
        notification_context notify{desk_, affinity};
        context.notify = &notify;
        const auto work = find_operation(request.name);
        if (!work)
            refuse_request("ErrorInvalidRequest", "The stand-in has no operation of this name.");
        reply r;
        r.body = work(context);
        r.live = std::move(notify.live);
        if (!notify.set_cookie.empty())
            r.headers.emplace_back("Set-Cookie", "X-BackEndOverrideCookie=" + notify.set_cookie +
                                                     "; path=/; secure; HttpOnly");
        return r;
    } catch (const soap_fault& e) {
        return fault_reply(e);
    }
}

task<void> ews_endpoint::do_late(std::unique_ptr<soap_request> request, milliseconds delay)
{
    const auto cancelled = co_await p_.time.sleep_for(delay);
    if (cancelled)
        co_return;
    const auto writes_before = p_.ledger.writes().size();
    carry_out(*request, {}, {});
    co_await settle(writes_before);
}

// Waits for the journal where there were writes, and lets background assistants touch what was written.
task<void> ews_endpoint::settle(std::size_t writes_before)
{
    const auto& writes = p_.ledger.writes();
    if (writes.size() == writes_before)
        co_return;
    if (p_.bump_change_keys_after.count() > 0) {
        std::vector<std::string> ids;
        for (auto i = writes_before; i < writes.size(); ++i)
            if (writes[i].operation != write_kind::remove)
                ids.push_back(writes[i].item_id);
        late_work_.spawn(bump_later(std::move(ids)));
    }
    co_await p_.journal.settled();
}

task<void> ews_endpoint::bump_later(std::vector<std::string> ids)
{
    const auto cancelled = co_await p_.time.sleep_for(p_.bump_change_keys_after);
    if (cancelled)
        co_return;
    for (const auto& id : ids)
        if (auto* item = p_.store.find(id))
            p_.store.bump(*item);
}

} // namespace relay::exchange_sim
