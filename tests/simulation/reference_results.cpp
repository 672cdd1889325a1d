// The reference model: what a result may say.
#include "tests/simulation/reference.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::simulation {
namespace {

// A ttl is kept in whole milliseconds of the wall clock across a restart.
constexpr duration rounding = 2ms;
// A command may end before its ttl where no further try fits in: so long is the longest pause between two, of the
// agent's own and as Exchange asks for it here (120 s, and 10 s by which it is put off at most).
constexpr duration longest_pause = 61s, longest_asked_for = 130s;

std::string text(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

} // namespace

// By elapsed time, or by a wall clock that ran ahead of it: either may be believed.
bool reference::too_late(const track& t) const
{
    return time_.now() + rounding + t.wall_ahead >= t.received + t.what.ttl;
}

bool reference::may_have_been(const track& t, const lane& l, bool there) const
{
    return std::ranges::any_of(l.by_others, [&](const lane::past& p) {
        return p.from >= t.received && p.said.has_value() == there;
    });
}

void reference::judge_read(track& t, const json::object& result)
{
    t.received = t.open.front().received;
    judge(t, lanes_.at(t.what.lane()), result);
    t.open.pop_front();
}

void reference::judge(const track& t, const lane& l, const json::object& result)
{
    const auto* error = result.if_contains("error");
    const auto* output = result.if_contains("output");
    if (t.must_cancel && (!error || text(error->as_object(), "code") != "cancelled"))
        broken(t.what.id, "was cancelled before it was begun, and ended otherwise");
    if (output)
        judge_ok(t, l, output->as_object());
    else
        judge_error(t, l, text(error->as_object(), "code"), result.at("attempts").as_int64());
    // Never twice; and never not at all, but where Exchange broke off between saving and sending.
    const int done = t.effects + (t.elsewhere ? 1 : 0);
    if (t.notified > done || (t.notified < t.effects && !t.told_late))
        broken(t.what.id, "attendees were not told exactly once");
}

void reference::judge_ok(const track& t, const lane& l, const json::object& output)
{
    const auto& id = t.what.id;
    const bool did = t.effects == 1 || t.elsewhere;
    switch (t.what.what) {
    case kind::create:
        // A redelivered one may have been overtaken.
        if (!did && !(t.what.redelivered && (l.now || may_have_been(t, l, true))))
            broken(id, "is told to be created, and was not");
        break;
    case kind::update:
        if (!did)
            broken(id, "is told to be updated, and was not");
        break;
    case kind::cancel:
        if (l.restored)
            break;
        if (l.now && !may_have_been(t, l, false))
            broken(id, "is told to be cancelled, and its item is there");
        if (!t.relived && !may_have_been(t, l, true) &&
            (output.at("existed").as_bool() ? !did && !t.what.redelivered : did))
            broken(id, "tells wrongly whether the event existed");
        break;
    case kind::get:
        judge_get(t, l, text(output, "subject"));
        break;
    case kind::verify:
        break;
    }
}

// It has to show what the writes before it made, and nothing of those after it.
void reference::judge_get(const track& t, const lane& l, const std::optional<std::string>& seen)
{
    const auto& standing = t.open.front();
    auto place = standing.behind;
    for (const auto& other : standing.pending)
        if (const auto& o = commands_.at(other); o.stored && o.place >= 0)
            place = std::max(place, static_cast<std::size_t>(o.place) + 1);
    const bool right = place < l.after.size() && l.after[place].contains(seen);
    if (!right && !l.restored)
        broken(t.what.id, fmt::format("saw \"{}\", which is not what the writes before it made",
                                      seen.value_or("nothing")));
}

void reference::judge_error(const track& t, const lane& l, std::string_view code, std::int64_t attempts)
{
    const auto& id = t.what.id;
    const bool write = is_write(t.what.what);
    // An older copy whose time is over when it starts does not know that it was ever tried, and tries no more.
    const bool forgotten = t.relived && !t.what.redelivered && too_late(t);
    if (t.effects != 0 && !forgotten && !(t.relived && overtaken(t, l)))
        broken(id, fmt::format("took effect and is told to have failed with {}", code));

    if (code == "conflict") {
        judge_conflict(t, l);
    } else if (code == "event_not_found") {
        if (t.what.what == kind::get)
            judge_get(t, l, std::nullopt);
        else if (t.what.what != kind::update || (l.now && !may_have_been(t, l, false)))
            broken(id, "is told that its event does not exist");
    } else if (code == "cancelled") {
        if (!t.cancel_asked || t.begins != 0)
            broken(id, "is told to be cancelled, wrongly");
    } else if (code == "deadline_exceeded") {
        if (!too_late(t))
            broken(id, "is told to be late before its time was over");
        if (attempts != 0)
            broken(id, "was tried, and does not say how the last try failed");
    } else if (code == "overloaded") {
        if (write || (!t.may_refuse && !closing_))
            broken(id, "is told that the agent is overloaded");
    } else if (code == "exchange_unavailable" && attempts != 0 && too_late(t)) {
        // Its time passed in the middle of a try, or a restart cut the try off.
    } else {
        judge_failure(t, code);
    }
}

// An event is there already, two items may be the one that is meant, or Exchange said so.
void reference::judge_conflict(const track& t, const lane& l)
{
    const bool there = t.what.what == kind::create && !t.elsewhere && (l.now || may_have_been(t, l, true));
    const bool which = l.restored || (l.copied && (forgetful_ || l.from_elsewhere));
    if (!there && !which && !met(struck_, t, "conflict"))
        broken(t.what.id, "is told to conflict with nothing");
}

bool reference::met(const codes& met_by, const track& t, std::string_view code)
{
    const auto found = met_by.find(t.what.mailbox);
    return found != met_by.end() && found->second.contains(code);
}

// What Exchange said, and whether it was reason enough to end the command.
void reference::judge_failure(const track& t, std::string_view code)
{
    const bool write = is_write(t.what.what);
    const bool said = met(struck_, t, code), in_passing = met(passing_, t, code);
    if (!said && !in_passing)
        return broken(t.what.id, fmt::format("ended with {}, which Exchange never answered", code));
    const bool transient = code == "exchange_unavailable" || code == "exchange_busy" ||
                           (write && (code == "auth_failed" || !said));
    const auto pause = code == "exchange_busy" ? longest_asked_for : longest_pause;
    if (transient && time_.now() + pause + t.wall_ahead < t.received + t.what.ttl && (write || !closing_) &&
        (write || said))
        broken(t.what.id, fmt::format("gave up with {} before its time was over", code));
}

} // namespace relay::simulation
