#include "tests/stand_ins/cloud/records.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include <algorithm>

namespace relay::cloud_sim {
namespace {

std::int64_t count(utc_time t)
{
    return t.time_since_epoch().count();
}

utc_time at(std::int64_t ms)
{
    return utc_time(milliseconds(ms));
}

json::value time_or_null(std::optional<utc_time> t)
{
    return t ? json::value(format_rfc3339(*t)) : json::value(nullptr);
}

} // namespace

std::string_view name(command_state state) noexcept
{
    switch (state) {
    case command_state::queued:
        return "queued";
    case command_state::sent:
        return "sent";
    case command_state::accepted:
        return "accepted";
    case command_state::finished:
        break;
    }
    return "finished";
}

const delivery* command::to(std::string_view agent_id) const
{
    const auto found = std::ranges::find(deliveries, agent_id, &delivery::agent);
    return found == deliveries.end() ? nullptr : &*found;
}

delivery& command::made_to(std::string_view agent_id)
{
    const auto found = std::ranges::find(deliveries, agent_id, &delivery::agent);
    if (found != deliveries.end())
        return *found;
    auto& made = deliveries.emplace_back();
    made.agent = agent_id;
    return made;
}

void command::take_answer(std::string_view agent_id, std::string_view frame, std::string_view store)
{
    auto& made = made_to(agent_id);
    if (made.numbered_by.empty()) {
        made.answer = frame;
        made.numbered_by = store;
    }
    if (!numbered_by.empty())
        return;
    result = frame;
    numbered_by = store;
    state = command_state::finished;
}

bool command::forget_answer(const std::string& frame)
{
    const auto given = std::ranges::find(deliveries, frame, &delivery::answer);
    if (given != deliveries.end()) {
        given->answer.clear();
        given->numbered_by.clear();
    }
    if (result != frame)
        return given != deliveries.end();
    forgotten = true;
    answered = 0;
    result.clear();
    numbered_by.clear();
    state = accepted > 0 ? command_state::accepted : command_state::sent;
    // Of two agents the other one may have answered too.
    const auto other = std::ranges::find_if(deliveries, [](const auto& d) { return !d.answer.empty(); });
    if (other != deliveries.end()) {
        answered = 1;
        result = other->answer;
        numbered_by = other->numbered_by;
        state = command_state::finished;
    }
    return true;
}

json::value parsed(const std::string& frame)
{
    error_code ec;
    auto value = json::parse(frame, ec);
    return ec ? json::value(frame) : value;
}

json::object to_json(const command& c)
{
    const bool finished = c.state == command_state::finished;
    json::array answers;
    for (const auto& d : c.deliveries)
        if (!d.answer.empty())
            answers.push_back(json::object{{"agent", d.agent}, {"result", parsed(d.answer)}});
    return {{"id", c.id},
            {"op", c.op},
            {"mailbox", c.mailbox},
            {"state", name(c.state)},
            {"sent", c.sent},
            {"accepted", c.accepted},
            {"results", c.results},
            {"result", finished ? parsed(c.result) : json::value(nullptr)},
            {"answers", std::move(answers)},
            {"queued_at", format_rfc3339(c.queued_at)},
            {"finished_at", finished ? time_or_null(c.finished_at) : json::value(nullptr)}};
}

json::object to_json(const session& s)
{
    json::object o{{"session", s.id},
                   {"connected", s.wire != nullptr && s.rejected.empty()},
                   {"welcomed", s.welcomed},
                   {"hello", s.hello},
                   {"since", format_rfc3339(s.since)},
                   {"until", time_or_null(s.until)},
                   {"close_code", s.close_code ? json::value(*s.close_code) : json::value(nullptr)},
                   {"goodbye", s.goodbye ? json::value(*s.goodbye) : json::value(nullptr)},
                   {"deflate", s.deflate},
                   {"frames_in", s.frames_in},
                   {"frames_out", s.frames_out},
                   {"pings", s.pings}};
    if (!s.rejected.empty())
        o["rejected"] = s.rejected;
    return o;
}

json::object to_json(const agent_store& s)
{
    return {{"id", s.id},
            {"ack", s.durable},
            {"highest_seq", s.received},
            {"gaps", json::value_from(s.gaps)},
            {"repeats", s.repeats}};
}

command_row to_row(const command& c)
{
    json::object posted{
        {"op", c.op}, {"mailbox", c.mailbox}, {"params", c.params}, {"redelivered", c.redelivered}};
    if (c.ttl_ms)
        posted["ttl_ms"] = *c.ttl_ms;
    return {c.id,
            json::serialize(posted),
            std::string(name(c.state)),
            c.sent,
            c.accepted,
            c.results,
            c.cancel_sent,
            c.result,
            count(c.queued_at),
            count(c.finished_at)};
}

command from_row(const command_row& r)
{
    command c;
    const auto posted = json::parse(r.posted).as_object();
    c.id = r.id;
    c.op = std::string_view(posted.at("op").as_string());
    c.mailbox = std::string_view(posted.at("mailbox").as_string());
    c.params = posted.at("params").as_object();
    c.redelivered = posted.at("redelivered").as_bool();
    if (const auto* ttl = posted.if_contains("ttl_ms"))
        c.ttl_ms = ttl->as_int64();
    c.kind = class_of(c.op);
    for (const auto state :
         {command_state::queued, command_state::sent, command_state::accepted, command_state::finished})
        if (r.state == name(state))
            c.state = state;
    c.sent = r.sent;
    c.accepted = r.accepted;
    c.results = r.results;
    c.answered = r.results > 0 ? 1 : 0;
    c.cancel_sent = r.cancel_sent;
    c.moved = c.sent > 0;
    c.result = r.result;
    // By which store is not kept: what matters is that there is a result to compare the next one with.
    if (const auto result = parsed(r.result); result.is_object() && result.get_object().contains("seq"))
        c.numbered_by = "?";
    c.queued_at = at(r.queued_at);
    c.finished_at = at(r.finished_at);
    return c;
}

store_row to_row(const agent_store& s)
{
    return {s.id, s.first, s.received, s.repeats, json::serialize(json::value_from(s.gaps))};
}

std::string command_frame(const command& c, bool redelivered)
{
    json::object frame{{"type", "command"}, {"id", c.id}, {"op", c.op}};
    if (!c.mailbox.empty())
        frame["mailbox"] = c.mailbox;
    if (c.ttl_ms)
        frame["ttl_ms"] = *c.ttl_ms;
    frame["redelivered"] = redelivered;
    frame["params"] = c.params;
    return json::serialize(frame);
}

} // namespace relay::cloud_sim
