// NTLM and Negotiate: signing a connection in, after which requests on it need no header.
//
//     POST, empty body, NTLM token 1   →   401, token 2
//     POST, real body,  NTLM token 3   →   200, and the connection is signed in
//
// Only the last step carries the request, so that whatever goes wrong before it leaves Exchange untouched. A Negotiate
// token may be the last one already (Kerberos), so there every step carries it; a 401 says that it was not carried out.
// Each sign-in is made on a connection opened for it: one that saw a refusal, or another sign-in, is in no known state.
#include "agent/http/account.hpp"

#include "agent/http/cause.hpp"
#include "agent/http/challenge.hpp"
#include "agent/signin/channel_binding.hpp"
#include "agent/signin/negotiator.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <vector>

namespace relay::http {
namespace {

constexpr int most_bounces = 2;
constexpr int most_steps = 6; // of one sign-in; NTLM takes two, SPNEGO around NTLM three

using route = connection::route;

// Who answered the steps of one sign-in, as far as they say.
class servers_seen {
public:
    void note(const response& r)
    {
        constexpr std::size_t longest_name = 64;
        for (const auto& [name, value] : r.headers)
            if (name == "x-feserver" && value.size() <= longest_name && is_xml_text(value) &&
                std::ranges::find(names_, value) == names_.end())
                names_.push_back(value);
    }
    // Their names, if they are several; empty else.
    std::string several() const
    {
        return names_.size() > 1 ? fmt::format("{}", fmt::join(names_, ", ")) : std::string();
    }

private:
    std::vector<std::string> names_;
};

secret header_of(std::string_view scheme, std::string& token)
{
    std::string coded = to_base64(token);
    wipe(token);
    std::string header = fmt::format("{} {}", scheme, coded);
    wipe(coded);
    return secret::take(header);
}

} // namespace

task<void> account::per_connection(signed_connection& c, job& j)
{
    if (j.may_sign_in) {
        co_await sign_in(c, j);
        co_return;
    }
    if (c.signed_in && c.bounced < most_bounces && c.wire.open()) {
        const connection::order o{
            .what = j.what, .body = j.what.body, .deadline = j.deadline, .by = route::same};
        auto [answer, moved] = co_await send(c, o);
        if (!moved) {
            const bool forgotten = answer.has_value() && answer->status == 401;
            c.signed_in = answer.has_value() && !forgotten;
            if (forgotten)
                c.bounced = c.used_signed_in ? 0 : c.bounced + 1;
            else if (c.signed_in)
                c.bounced = 0;
            c.used_signed_in = c.signed_in;
            if (!forgotten) {
                j.result = std::move(answer);
                co_return;
            }
            // The server no longer knows who is at the other end (its pool was recycled, a balancer moved us). It has
            // not carried the request out: sign in anew.
        }
    }
    c.signed_in = false;
    j.needs_sign_in = true;
}

task<void> account::sign_in(signed_connection& c, job& j)
{
    auto password = std::make_shared<const secret>(); // none for the account the process runs as
    const bool has_password = !settings_.username.empty() && settings_.keytab.empty();
    if (has_password)
        password = co_await password_now(j);
    for (bool again = false; password; again = true) {
        const auto verdict = co_await try_both_ways(c, j, *password);
        if (verdict != signin::verdict::refused || again || !has_password)
            co_return;
        password = co_await other_password(j, password);
    }
}

// With channel binding, without, or first the one and then the other: see http::channel_binding.
task<signin::verdict> account::try_both_ways(signed_connection& c, job& j, const secret& password)
{
    const bool possible = server_.tls && settings_.channel_binding != channel_binding::never;
    const bool automatic = possible && settings_.channel_binding == channel_binding::automatic;
    const auto known = worked_;
    // Whoever got in one way gets in that way again, or not at all: trying both would cost two refusals a wrong password
    // for ever. As the way may have changed, some probes go the other one: each is one refusal.
    bool with = possible && known != bound::without;
    const bool other_way = with && automatic && known == bound::unknown && !j.probe;
    if (automatic && j.probe && ++probes_ % (known == bound::unknown ? 2 : 4) == 0)
        with = !with;

    co_await handshake(c, j, password, with);
    bool bound_now = with;
    // A directory that refuses the account itself (Kerberos) knows nothing of bindings.
    if (j.verdict == signin::verdict::refused && other_way && j.result.has_value()) {
        co_await handshake(c, j, password, false);
        bound_now = false;
    }
    if (j.verdict == signin::verdict::accepted && automatic) {
        const auto now = bound_now ? bound::with : bound::without;
        if (log_ && now == bound::without && worked_ != bound::without)
            log_->warn("Exchange at {} takes the sign-in only without channel binding: something between "
                       "shows another "
                       "certificate than Exchange has",
                       server_.name);
        worked_ = now;
        probes_ = 0;
    }
    co_return j.verdict;
}

// The next token, made off the loop: a Kerberos ticket may come over the network, and NTLM reads files.
task<boost::system::result<signin::token, failed>>
account::next_token(job& j, std::shared_ptr<signin::negotiator> negotiator, std::string from_server,
                    std::string binding)
{
    using made = boost::system::result<signin::token, signin::sign_in_trouble>;
    auto work = [negotiator, from = std::move(from_server), binding = std::move(binding)]() -> made {
        return negotiator->step(from, binding);
    };
    auto got = co_await blocking_.run(std::move(work), j.deadline);
    if (got.has_error())
        co_return failed{got.error(), reached::nothing, "signing in: " + got.error().message()};
    if (got->has_value())
        co_return std::move(**got);
    if (got->error().refused) {
        j.verdict = signin::verdict::refused;
        ++refused_;
        j.on_refused();
    }
    co_return failed{cause::sign_in_failed, reached::nothing, got->error().sentence};
}

// One sign-in on a new connection; the outcome is in `j`.
task<void> account::handshake(signed_connection& c, job& j, const secret& password, bool with_binding)
{
    const bool ntlm = settings_.auth == auth_scheme::ntlm;
    const std::string_view scheme = ntlm ? "NTLM" : "Negotiate";
    const auto give_up = [&](cause why, std::string message) {
        j.result = failed{why, reached::nothing, std::move(message)};
    };
    j.verdict = signin::verdict::unknown;
    c.signed_in = c.used_signed_in = false;

    connection::order o{.what = j.what, .deadline = j.deadline, .by = route::new_one};
    if (with_binding && !ntlm) { // Kerberos binds in its first token, and that needs the certificate
        auto got = co_await send(c, o);
        j.result = std::move(got.outcome);
        if (!still_at_sign_in(j))
            co_return;
        o.by = route::same;
    }

    const std::shared_ptr<signin::negotiator> negotiator =
        signin::make_negotiator({ntlm ? signin::mechanism::ntlm : signin::mechanism::negotiate, server_.host,
                                 settings_.username, password, settings_.keytab.string()});
    std::string from_server, binding;
    servers_seen seen;
    for (int steps = 0; steps < most_steps; ++steps) {
        if (with_binding && o.by == route::same && binding.empty()) {
            auto digest = signin::tls_server_end_point(c.wire.peer().leaf_der);
            if (!digest.has_value())
                co_return give_up(cause::sign_in_failed,
                                  "the certificate of " + server_.name + " cannot be read");
            binding = std::move(*digest);
        }
        if (turned_back(j)) // a token may ask the directory
            co_return;
        j.shown |= !ntlm; // the directory may be asked
        auto token = co_await next_token(j, negotiator, std::move(from_server), binding);
        if (!token.has_value()) {
            j.result = token.error();
            co_return;
        }
        if (turned_back(j)) { // it took its time
            wipe(token->bytes);
            co_return;
        }
        const bool done = token->done;
        const bool carries = done || !ntlm;
        const auto header = header_of(scheme, token->bytes);
        o.authorization = header.reveal();
        o.body = carries ? std::string_view(j.what.body) : std::string_view();
        o.on_status = carries ? &j.on_status : nullptr;
        auto [answer, moved] = co_await send(c, o);
        j.shown |= carries && may_have_arrived(answer);
        if (moved)
            co_return give_up(cause::connection_lost,
                              server_.name + " closed the connection in the middle of the sign-in");
        j.result = std::move(answer);
        o.by = route::same;
        if (j.result.has_value())
            seen.note(*j.result);
        if (!carries) {
            if (!still_at_sign_in(j))
                co_return;
        } else if (j.result.has_error() || j.result->status != 401) {
            conclude(j);
            c.signed_in = j.verdict == signin::verdict::accepted;
            co_return;
        }
        auto next = challenge_token(*j.result, scheme);
        const bool goes_on = next && !next->empty() && !done;
        if (carries && !goes_on) {
            conclude(j); // refused
            j.result->spread_over = seen.several();
            co_return;
        }
        if (!goes_on)
            co_return give_up(cause::sign_in_failed,
                              fmt::format("{} does not offer {} (it offers {})", server_.name, scheme,
                                          offered_schemes(*j.result)));
        from_server = std::move(*next);
    }
    give_up(cause::sign_in_failed, fmt::format("{} did not come to an end with {}", server_.name, scheme));
}

// After a step that did not carry the request. Anything but a 401 ends the sign-in: an answer to an empty body must not
// pass for the answer to the request.
bool account::still_at_sign_in(job& j)
{
    if (j.result.has_error()) {
        auto why = j.result.error();
        why.how_far = reached::nothing;
        j.result = std::move(why);
        return false;
    }
    if (j.result->status == 401)
        return true;
    if (j.result->status < 300)
        j.result = failed{cause::sign_in_failed, reached::nothing,
                          server_.name + " answers without asking for a sign-in; is exchange.url right?"};
    return false;
}

} // namespace relay::http
