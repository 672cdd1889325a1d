#include "tests/stand_ins/cloud/records.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

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
    for (const auto& [agent, frame] : c.answers)
        answers.push_back(json::object{{"agent", agent}, {"result", parsed(frame)}});
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
