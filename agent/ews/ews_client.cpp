#include "agent/ews/ews_client.hpp"

#include "agent/ews/answer_fit.hpp"
#include "agent/ews/answers.hpp"
#include "agent/ews/envelope_cutter.hpp"
#include "agent/ews/folder_search.hpp"
#include "agent/ews/requests.hpp"
#include "agent/http/cause.hpp"
#include "common/crash_point/crash_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <iterator>

namespace relay::ews {
namespace {

constexpr duration shortest_request = 1s;

// What is left of `limit` for the next request of the same call.
duration left_of(duration limit, steady_time since, const time_source& time)
{
    return std::max(shortest_request, limit - (time.now() - since));
}

// What a request is called where tests kill the agent.
constexpr crash_step step_of(operation op)
{
    switch (op) {
    case operation::find_item:
        return "ews.find";
    case operation::get_item:
        return "ews.get";
    case operation::create_item:
        return "ews.create";
    case operation::update_item:
        return "ews.update";
    case operation::delete_item:
        return "ews.remove";
    default:
        return "ews.other";
    }
}

void add_affinity(http::request& request, const affinity& group)
{
    request.headers.emplace_back("X-AnchorMailbox", group.anchor.str());
    request.headers.emplace_back("X-PreferServerAffinity", "true");
    if (!group.cookie.empty())
        request.headers.emplace_back("Cookie", "X-BackEndOverrideCookie=" + group.cookie);
}

// Reads a stream as it comes.
class stream_reader final : public http::body_sink {
public:
    stream_reader(const call& c, const std::function<void(const stream_message&)>& to,
                  const time_source& time)
        : call_(c),
          to_(to),
          time_(time)
    {
    }

    bool take(std::string_view piece) noexcept override
    {
        try {
            read(piece);
        } catch (const std::exception&) { // out of memory, as a rule: the connection is let go
            over = true;
        }
        return !over;
    }

    bool over = false;                // there is nothing more to read
    std::optional<error> failure;     // why, where not in order
    std::optional<steady_time> first; // when the first message had come
    std::optional<server_version> version;

private:
    void read(std::string_view piece)
    {
        std::vector<std::string> whole;
        const auto trouble = cutter_.feed(piece, whole);
        for (auto& text : whole)
            if (!over)
                read_message(std::move(text));
        if (over || trouble == envelope_cutter::trouble::none)
            return;
        failure = failed_call(call_, protocol::fault_code::exchange_unavailable, retry_action::retry,
                              trouble == envelope_cutter::trouble::too_large
                                  ? "Exchange streams an envelope larger than any true one"
                                  : "Exchange, or a proxy before it, streams something that is no SOAP");
        over = true;
    }

    void read_message(std::string text)
    {
        http::response r;
        r.status = 200;
        r.content_type = "text/xml";
        r.body = std::move(text);
        const auto opened = open_answer(std::move(r), call_);
        auto message = opened.answer.has_value() ? read_stream_message(**opened.answer, call_)
                                                 : outcome<stream_message>(opened.answer.error());
        if (opened.version)
            version = opened.version;
        if (message.has_error()) {
            failure = std::move(message).error();
            over = true;
            return;
        }
        if (!first)
            first = time_.now();
        over = message->closed || !message->lost.empty();
        to_(*message);
    }

    const call call_;
    const std::function<void(const stream_message&)>& to_;
    const time_source& time_;
    envelope_cutter cutter_;
};

std::string front_end_of(const http::outcome& got)
{
    if (got.has_value())
        for (const auto& [name, value] : got->headers)
            if (name == "x-feserver")
                return value;
    return {};
}

} // namespace

ews_client::ews_client(http::transport& http, time_source& time, client_settings settings)
    : http_(http),
      time_(time),
      random_(std::random_device{}())
{
    reconfigure(std::move(settings));
}

void ews_client::reconfigure(client_settings settings)
{
    settings_ = std::move(settings);
    online_host_ = is_exchange_online_host(settings_.host);
    answered_ = false;
    version_.reset();
    acted_for_.reset();
}

std::optional<error> ews_client::refusal(const call& c) const
{
    if (online_host_)
        return unsupported_server(support::online, "Exchange Online");
    // Reads go out all the same: their answers tell when the server has been replaced.
    if (version_ && is_write(c.operation) && support_of(*version_) != support::supported)
        return unsupported_server(support_of(*version_), version_->product());
    return std::nullopt;
}

std::string ews_client::new_request_id()
{
    const auto a = random_(), b = random_(); // shaped as a version 4 UUID
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff,
                       ((b >> 48) & 0x3fff) | 0x8000, b & 0xffff'ffff'ffff);
}

template <class T>
task<outcome<T>> ews_client::ask(operation op, std::string body, const mailbox_address* mailbox,
                                 bounds_of_request bounds, reader<T> read, const affinity* group,
                                 std::string* cookie)
{
    const call c{op, mailbox != nullptr, answered_};
    if (const auto refused = refusal(c))
        co_return *refused;
    http::request request;
    request.body = std::move(body);
    request.limit = bounds.limit;
    request.not_after = bounds.not_after;
    const auto id = new_request_id();
    request.headers = {{http::request_id_header, id}, {"return-client-request-id", "true"}};
    request.fits = [op](const http::response& r) { return may_answer(r, op); };
    if (group != nullptr)
        add_affinity(request, *group);
    else if (mailbox != nullptr) // straight to the mailbox's own server
        request.headers.emplace_back("X-AnchorMailbox", mailbox->str());

    const auto sent = time_.now();
    crash_point(step_of(op), crash_moment::before);
    auto got = co_await http_.perform(std::move(request));
    crash_point(step_of(op), crash_moment::after);
    const auto front_end = front_end_of(got);
    const int status = got.has_value() ? got->status : 0;
    if (cookie != nullptr && got.has_value())
        *cookie = affinity_cookie(got->headers);
    const bool too_late = got.has_error() && got.error().code == http::cause::too_late;
    auto opened = too_late ? opened_answer{out_of_time(), false, {}} : open_answer(std::move(got), c);
    answered_ = answered_ || opened.is_ews;
    if (opened.version)
        version_ = opened.version;

    auto result =
        opened.answer.has_value() ? read(**opened.answer, c) : outcome<T>(std::move(opened.answer).error());
    // What is wrong with the version counts for more than a refused sign-in: nothing else would help.
    const auto is_final = [](const error& e) {
        return e.retry_action == retry_action::give_up || e.retry_action == retry_action::sign_in;
    };
    const bool may_stay = is_write(op) || (result.has_error() && !is_final(result.error()));
    if (version_ && !may_stay && support_of(*version_) != support::supported)
        result = unsupported_server(support_of(*version_), version_->product());
    if (mailbox != nullptr && result.has_value() && !acted_for_)
        acted_for_ = *mailbox;
    const auto failure = result.has_error() ? std::optional(result.error()) : std::nullopt;
    report(op, failure ? &*failure : nullptr, status, time_.now() - sent, id, front_end);
    co_return result;
}

void ews_client::report(operation op, const error* failure, int status, duration took, std::string_view id,
                        std::string_view front_end) const
{
    if (settings_.on_request)
        settings_.on_request({name(op), failure, status, took, id, front_end});
}

task<outcome<server_info>> ews_client::resolve_account(duration limit)
{
    const auto entry = resolvable_name(settings_.username);
    reader<directory_entry> read = [entry](const soap_answer& a, const call& c) {
        return read_resolved(a, entry, c);
    };
    const auto found =
        co_await ask(operation::resolve_names, write_resolve_names(entry), nullptr, limit, std::move(read));
    if (found.has_error() && !proves_sign_in(found.error().fault.exchange))
        co_return found.error();
    server_info info{"unknown", "Exchange", {}, {}}; // proxies may take its version out of the answers
    if (version_) {
        info.version = version_->str();
        info.product = version_->product();
    }
    if (found.has_value()) {
        info.account_name = found->name;
        info.account_email = found->email;
    }
    co_return info;
}

task<outcome<recipient>> ews_client::find_recipient(const mailbox_address& address, duration limit)
{
    const auto started = time_.now();
    const auto entry = "smtp:" + address.str();
    const reader<recipient> read = [&address](const soap_answer& a, const call& c) {
        return read_recipient(a, address, c);
    };
    auto found = co_await ask(operation::resolve_names, write_resolve_names(entry), nullptr, limit, read);
    if (found.has_value() || !proves_sign_in(found.error().fault.exchange))
        co_return found;
    const auto as = acted_for_.value_or(address);
    found = co_await ask(operation::resolve_names, write_resolve_names(entry, &as), &as,
                         left_of(limit, started, time_), read);
    if (found.has_value() || found.error().retry_action != retry_action::give_up)
        co_return found;
    if (as != address) // it may be gone, or no more within reach: the next one asks in another name
        acted_for_.reset();
    co_return recipient{recipient::kind::untold, {}};
}

task<outcome<mailbox_info>> ews_client::open_calendar(const mailbox_address& mailbox, duration limit)
{
    const auto started = time_.now();
    reader<void> opened = read_folder_opened;
    const auto calendar = co_await ask(operation::get_folder, write_open_folder(mailbox, "calendar"),
                                       &mailbox, limit, std::move(opened));
    if (calendar.has_error())
        co_return calendar.error();

    const auto entry = "smtp:" + mailbox.str();
    reader<directory_entry> read = [entry](const soap_answer& a, const call& c) {
        return read_resolved(a, entry, c);
    };
    const auto found = co_await ask(operation::resolve_names, write_resolve_names(entry, &mailbox), &mailbox,
                                    left_of(limit, started, time_), std::move(read));
    const bool named = found.has_value() && !found->name.empty();
    co_return mailbox_info{named ? found->name : mailbox.str()};
}

task<outcome<void>> ews_client::open_inbox(const mailbox_address& mailbox, duration limit)
{
    reader<void> opened = read_folder_opened;
    co_return co_await ask(operation::get_folder, write_open_folder(mailbox, "inbox"), &mailbox, limit,
                           std::move(opened));
}

task<outcome<std::vector<mailbox_busy>>>
ews_client::availability(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end, duration limit)
{
    if (mailboxes.empty())
        co_return std::vector<mailbox_busy>{};
    const auto window = window_for(start, end);
    std::vector<std::size_t> left_out;
    reader<std::vector<mailbox_busy>> read = [&](const soap_answer& a, const call& c) {
        return read_availability(a, mailboxes.size(), window, c, &left_out);
    };
    auto answers = co_await ask(operation::get_user_availability, write_availability(mailboxes, window),
                                nullptr, limit, std::move(read));
    for (const auto place : left_out)
        if (answers.has_value())
            tell_of_left_out(mailboxes[place]);
    co_return answers;
}

void ews_client::tell_of_left_out(const mailbox_address& mailbox)
{
    constexpr std::size_t most_told = 1'000;
    if (settings_.on_left_out && left_out_.size() < most_told && left_out_.insert(mailbox.key()).second)
        settings_.on_left_out(mailbox);
}

task<outcome<search_result>> ews_client::find(const mailbox_address& mailbox, std::string event_id,
                                              duration limit)
{
    std::vector<find_position> usual{{item_location::live}, {item_location::deleted}};
    co_return co_await search(mailbox, std::move(event_id), std::move(usual), limit);
}

task<outcome<search_result>> ews_client::find_in(const mailbox_address& mailbox, std::string event_id,
                                                 std::vector<mail_folder> folders, duration limit)
{
    assert(folders.size() <= max_find_folders);
    if (folders.empty())
        co_return search_result{};
    std::vector<find_position> positions;
    positions.reserve(folders.size());
    for (auto& folder : folders)
        positions.push_back({folder.where, 0, std::move(folder.id)});
    co_return co_await search(mailbox, std::move(event_id), std::move(positions), limit);
}

task<outcome<std::vector<mail_folder>>> ews_client::other_folders(const mailbox_address& mailbox,
                                                                  duration limit)
{
    const auto started = time_.now();
    const auto usual = co_await ask(operation::get_folder, write_usual_folders(mailbox), &mailbox, limit,
                                    reader<usual_folders>(read_usual_folders));
    if (usual.has_error())
        co_return usual.error();
    std::vector<folder_page::entry> all;
    int offset = 0;
    for (int page = 0; page < max_folder_pages; ++page) {
        reader<folder_page> read = [offset](const soap_answer& a, const call& c) {
            return read_folders(a, offset, c);
        };
        auto got = co_await ask(operation::find_folder, write_find_folders(mailbox, offset), &mailbox,
                                left_of(limit, started, time_), std::move(read));
        if (got.has_error())
            co_return got.error();
        std::ranges::move(got->folders, std::back_inserter(all));
        if (!got->next_offset)
            co_return others_of(all, *usual);
        offset = *got->next_offset;
    }
    co_return failed_call({operation::find_folder, true, true}, protocol::fault_code::exchange_unavailable,
                          retry_action::give_up, "the mailbox has more folders than the agent goes through");
}

task<outcome<search_result>> ews_client::search(const mailbox_address& mailbox, std::string event_id,
                                                std::vector<find_position> folders, duration limit)
{
    const auto started = time_.now();
    folder_search all(std::move(folders));
    while (!all.is_over()) {
        const auto& asked = all.next();
        reader<found_page> read = [&](const soap_answer& a, const call& c) {
            return read_found(a, asked, event_id, c);
        };
        auto got = co_await ask(operation::find_item, write_find(mailbox, event_id, asked), &mailbox,
                                left_of(limit, started, time_), std::move(read));
        if (got.has_error())
            co_return got.error();
        const call searching{operation::find_item, true, answered_};
        const auto taken = all.take(*std::move(got), searching);
        if (taken.has_error())
            co_return taken.error();
    }
    co_return std::move(all).result();
}

task<outcome<item>> ews_client::get(const mailbox_address& mailbox, item_ref ref, duration limit)
{
    co_return co_await ask(operation::get_item, write_get(mailbox, ref), &mailbox, limit,
                           reader<item>(read_item));
}

task<outcome<std::vector<outcome<item_state>>>>
ews_client::states(const mailbox_address& mailbox, std::vector<std::string> item_ids, duration limit)
{
    const auto started = time_.now();
    std::vector<outcome<item_state>> all;
    auto at_once = item_ids.size();
    while (!item_ids.empty()) {
        at_once = std::min(at_once, item_ids.size());
        const std::vector<std::string> some(item_ids.begin(),
                                            item_ids.begin() + static_cast<std::ptrdiff_t>(at_once));
        reader<std::vector<outcome<item_state>>> read =
            [expected = at_once](const soap_answer& a, const call& c) { return read_states(a, expected, c); };
        auto got = co_await ask(operation::get_item, write_states(mailbox, some), &mailbox,
                                left_of(limit, started, time_), std::move(read));
        // Items of very many attendees: fewer at once.
        if (got.has_error() && got.error().fault.code == protocol::fault_code::result_too_large &&
            at_once > 1) {
            at_once /= 2;
            continue;
        }
        if (got.has_error())
            co_return got.error();
        std::ranges::move(*got, std::back_inserter(all));
        item_ids.erase(item_ids.begin(), item_ids.begin() + std::ssize(*got));
    }
    co_return all;
}

task<outcome<item_ref>> ews_client::create(const mailbox_address& mailbox, item_fields fields, marks m,
                                           std::string uid, protocol::notify notify, write_bounds bounds)
{
    co_return co_await ask(operation::create_item, write_create(mailbox, fields, m, uid, notify), &mailbox,
                           bounds, reader<item_ref>(read_created));
}

task<outcome<item_ref>> ews_client::update(const mailbox_address& mailbox, item_ref ref, item_fields fields,
                                           std::string command_id, protocol::notify notify,
                                           write_bounds bounds)
{
    co_return co_await ask(operation::update_item, write_update(mailbox, ref, fields, command_id, notify),
                           &mailbox, bounds, reader<item_ref>(read_updated));
}

task<outcome<void>> ews_client::remove(const mailbox_address& mailbox, item_ref ref, protocol::notify notify,
                                       write_bounds bounds)
{
    co_return co_await ask(operation::delete_item, write_remove(mailbox, ref, notify), &mailbox, bounds,
                           reader<void>(read_removed));
}

task<outcome<subscribed>> ews_client::subscribe(mailbox_address mailbox, affinity group, duration limit)
{
    subscribed made;
    auto id = co_await ask(operation::subscribe, write_subscribe(mailbox), &mailbox, limit,
                           reader<std::string>(read_subscribed), &group, &made.cookie);
    if (id.has_error())
        co_return id.error();
    made.subscription = *std::move(id);
    co_return made;
}

task<outcome<void>> ews_client::unsubscribe(affinity group, std::string subscription, duration limit)
{
    co_return co_await ask(operation::unsubscribe, write_unsubscribe(group.anchor, subscription),
                           &group.anchor, limit, reader<void>(read_unsubscribed), &group);
}

task<outcome<void>> ews_client::listen(affinity group, std::vector<std::string> subscriptions,
                                       std::chrono::minutes length,
                                       std::function<void(const stream_message&)> to)
{
    constexpr auto op = operation::get_streaming_events;
    const call c{op, true, answered_};
    if (const auto refused = refusal(c))
        co_return *refused;
    stream_reader events(c, to, time_);
    http::request request;
    request.body = write_streaming_events(group.anchor, subscriptions, length);
    request.streaming = http::streaming{&events};
    request.limit = length + request.streaming->silence;
    const auto id = new_request_id();
    request.headers = {{http::request_id_header, id}, {"return-client-request-id", "true"}};
    add_affinity(request, group);

    const auto sent = time_.now();
    auto got = co_await http_.perform(std::move(request));
    const auto front_end = front_end_of(got);
    const int status = got.has_value() ? got->status : events.first ? 200 : 0;
    auto failure = std::move(events.failure);
    if (!events.over && got.has_value() && status == 200)
        failure = failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                              "Exchange ended a stream of notifications without a word");
    else if (!events.over)
        failure = open_answer(std::move(got), c).answer.error();
    if (events.version)
        version_ = events.version;
    report(op, failure ? &*failure : nullptr, status, events.first.value_or(time_.now()) - sent, id,
           front_end);
    if (failure)
        co_return *std::move(failure);
    co_return outcome<void>();
}

} // namespace relay::ews
