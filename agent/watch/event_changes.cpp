#include "agent/watch/event_changes.hpp"

#include "agent/exchange_access/answer_lists.hpp"
#include "agent/protocol/codec.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <map>

namespace relay::watch {
namespace {

namespace json = boost::json;

// People move meetings by minutes, and Exchange keeps some versions' times without seconds.
constexpr std::chrono::minutes least_move{1};

bool is_another(utc_time a, utc_time b)
{
    return (a > b ? a - b : b - a) >= least_move;
}

// Who has answered, and what; as response_list(), without those who have not.
std::string packed(const std::vector<ews::attendee_answer>& answers)
{
    std::vector<ews::attendee_answer> given;
    for (const auto& a : answers)
        if (a.response != ews::answer::none)
            given.push_back(a);
    return given.empty() ? std::string() : json::serialize(exchange_access::response_list(given));
}

json::array unpacked(const std::string& answers)
{
    boost::system::error_code ec;
    auto list = json::parse(answers, ec);
    return !ec && list.is_array() ? std::move(list.get_array()) : json::array();
}

// By address; what an older version wrote otherwise counts as nothing.
std::map<std::string, std::string> by_address(const json::array& answers)
{
    std::map<std::string, std::string> all;
    for (const auto& entry : answers) {
        const auto* one = entry.if_object();
        const auto* email = one ? one->if_contains("email") : nullptr;
        const auto* response = one ? one->if_contains("response") : nullptr;
        if (email && response && email->is_string() && response->is_string())
            all.emplace(ascii_lower(email->get_string()), response->get_string());
    }
    return all;
}

bool has_new_answer(const json::array& before, const json::array& now)
{
    const auto known = by_address(before);
    for (const auto& [email, response] : by_address(now)) {
        const auto was = known.find(email);
        if (was == known.end() || was->second != response)
            return true;
    }
    return false;
}

store::event_observation::news news_of(const store::tracked_event& e, std::string_view change,
                                       bool with_times, json::array responses)
{
    json::object data{{"event_id", e.event_id}, {"mailbox", e.mailbox}, {"change", change}};
    if (with_times) {
        data["start"] = format_rfc3339(e.start);
        data["end"] = format_rfc3339(e.end);
    }
    data["responses"] = std::move(responses);
    if (e.series)
        data["series"] = true;
    return {std::string(change), protocol::encode_event("event.changed", data)};
}

// Another agent of this customer has changed it since, and tells of it from now on.
bool is_anothers(const store::tracked_event& known, const std::string& command_id)
{
    return known.sure && !command_id.empty() && command_id != known.command_id;
}

} // namespace

std::optional<store::event_observation> seen_alive(const store::tracked_event& known,
                                                   const ews::item_state& now, const std::string& item_id,
                                                   bool elsewhere)
{
    if (is_anothers(known, now.command_id))
        return let_go(known);
    auto s = let_go(known);
    s.gone = false;
    s.item_id = item_id;
    s.elsewhere = elsewhere;
    s.series = now.series;
    s.answers = packed(now.answers);
    if (!now.command_id.empty())
        s.command_id = now.command_id;
    const bool moved = known.sure && (is_another(known.start, now.start) || is_another(known.end, now.end));
    if (!known.sure || moved) { // else kept, so that many small differences add up
        s.start = now.start;
        s.end = now.end;
    }
    auto as_seen = known;
    as_seen.start = now.start;
    as_seen.end = now.end;
    as_seen.series = now.series;
    // There is no word of its own for a series: an older cloud hears of a move to where the item is.
    if (moved || now.series != known.series)
        s.publish.push_back(news_of(as_seen, "moved", true, exchange_access::response_list(now.answers)));
    if (has_new_answer(unpacked(known.answers), unpacked(s.answers)))
        s.publish.push_back(news_of(as_seen, "responded", true, exchange_access::response_list(now.answers)));
    if (s.publish.empty() && known.sure && s.item_id == known.item_id && s.answers == known.answers &&
        s.elsewhere == known.elsewhere && s.series == known.series)
        return std::nullopt;
    return s;
}

store::event_observation seen_deleted(const store::tracked_event& known, const std::string& command_id)
{
    auto s = let_go(known);
    if (!is_anothers(known, command_id))
        s.publish.push_back(news_of(known, "deleted", known.sure, unpacked(known.answers)));
    return s;
}

store::event_observation let_go(const store::tracked_event& known)
{
    store::event_observation s;
    s.place = known.place;
    s.version = known.version;
    s.about = store::about_event(known.event_id, known.key);
    s.gone = true;
    s.item_id = known.item_id;
    s.start = known.start;
    s.end = known.end;
    s.answers = known.answers;
    s.command_id = known.command_id;
    s.elsewhere = known.elsewhere;
    s.series = known.series;
    return s;
}

} // namespace relay::watch
