#include "tests/simulation/reference.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::simulation {
namespace {

// A ttl is kept in whole milliseconds of the wall clock across a restart.
constexpr duration rounding = 2ms;
constexpr int most_sends = 25; // an agent that sends one request so often does not know when to stop

std::string text(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

} // namespace

std::string_view name(kind k) noexcept
{
    switch (k) {
    case kind::create:
        return "event.create";
    case kind::update:
        return "event.update";
    case kind::cancel:
        return "event.cancel";
    case kind::get:
        return "event.get";
    case kind::verify:
        break;
    }
    return "mailbox.verify";
}

void reference::broken(const std::string& id, const std::string& rule)
{
    verdict_.broken(id + ": " + rule);
}

reference::track* reference::known(const std::string& id)
{
    const auto found = commands_.find(id);
    if (found == commands_.end()) {
        broken(id, "nobody sent such a command");
        return nullptr;
    }
    return &found->second;
}

// The command whose turn it is.
reference::track* reference::head(lane& l)
{
    return l.finished < l.writes.size() ? &commands_.at(l.writes[l.finished]) : nullptr;
}

void reference::made(order o)
{
    const auto id = o.id;
    lanes_.try_emplace(o.lane());
    commands_[id].what = std::move(o);
}

const order* reference::find(const std::string& id) const
{
    const auto found = commands_.find(id);
    return found == commands_.end() ? nullptr : &found->second.what;
}

bool reference::quiet(const std::string& name) const
{
    const auto found = lanes_.find(name);
    if (found == lanes_.end())
        return true;
    if (found->second.finished < found->second.writes.size() || found->second.requests != 0)
        return false;
    return std::ranges::none_of(commands_, [&](const auto& entry) {
        return entry.second.what.lane() == name && (entry.second.pending || !entry.second.open.empty());
    });
}

std::optional<std::string> reference::item(const std::string& name) const
{
    const auto found = lanes_.find(name);
    return found == lanes_.end() ? std::nullopt : found->second.now;
}

// ---- taken from the link ----

void reference::received_now(track& t)
{
    t.received = t.counts_from = time_.now();
    t.wall_offset = wall_offset_;
    t.lowest_offset = wall_offset_;
    t.wall_ahead = 0ms;
}

void reference::delivered(const std::string& id, const agent_view& agent)
{
    auto* t = known(id);
    if (!t)
        return;
    auto& l = lanes_.at(t->what.lane());
    const bool full = agent.open >= window;
    t->must_refuse = (full || agent.closing) && !t->delivered;
    t->may_refuse = t->may_refuse || full || agent.closing;
    t->delivered = true;
    if (is_write(t->what.what)) {
        taken_.push_back(id);
        if (t->stored || t->pending)
            return;
        t->pending = !full && !agent.closing;
        received_now(*t);
        return;
    }
    if (agent.is_open || full || agent.closing)
        return;
    track::standing s{time_.now(), l.writes.size(), {}};
    for (const auto& [other, o] : commands_)
        if (o.pending && o.what.lane() == t->what.lane())
            s.pending.push_back(other);
    t->open.push_back(std::move(s));
}

void reference::cancel_delivered(const std::string& id)
{
    auto* t = known(id);
    if (!t || !t->delivered)
        return;
    t->cancel_asked = true;
    if (!is_write(t->what.what) || !t->stored || t->result || t->begins != 0)
        return;
    // It waits for its turn: nothing of it can have begun.
    auto& l = lanes_.at(t->what.lane());
    if (head(l) != t && !too_late(*t) && !t->what.redelivered)
        t->must_cancel = true;
}

void reference::refused(const std::string& id, std::string_view code)
{
    auto* t = known(id);
    if (!t)
        return;
    if (code != "overloaded")
        broken(id, fmt::format("refused with {}", code));
    else if (!t->may_refuse)
        broken(id, "refused though the window was not full");
    t->pending = false;
}

void reference::answered(const std::string& id, const json::object& result)
{
    auto* t = known(id);
    if (!t)
        return;
    if (is_write(t->what.what)) {
        const auto* error = result.if_contains("error");
        if (!t->stored) {
            refused(id, error ? text(error->as_object(), "code") : "a result without seq");
            return;
        }
        if (!t->result || json::parse(*t->result).as_object() != result)
            broken(id, "its result was given in other words than it was stored");
        return;
    }
    if (t->open.empty()) {
        const auto* error = result.if_contains("error");
        if (!error || !t->may_refuse || text(error->as_object(), "code") != "overloaded")
            broken(id, "a read was answered more often than it was asked");
        return;
    }
    judge_read(*t, result);
}

// ---- durable ----

// Commands are stored in the order in which they were taken; what is passed over was refused or known.
void reference::admitting(const std::string& id)
{
    while (admitted_ < taken_.size() && taken_[admitted_] != id)
        ++admitted_;
    if (admitted_++ >= taken_.size())
        broken(id, "is stored out of the order received");
}

void reference::stored(const std::string& id)
{
    auto* t = known(id);
    if (!t)
        return;
    if (t->stored)
        broken(id, "was stored twice");
    if (t->must_refuse)
        broken(id, "was taken though the window was full");
    auto& l = lanes_.at(t->what.lane());
    t->pending = false;
    t->stored = true;
    t->place = static_cast<int>(l.writes.size());
    l.writes.push_back(id);
}

void reference::begun(const std::string& id)
{
    auto* t = known(id);
    if (!t)
        return;
    if (!t->stored || t->result)
        broken(id, "was begun without being owed a result");
    t->begun = true;
    ++t->begins;
}

void reference::retracted(const std::string& id)
{
    if (auto* t = known(id))
        t->begun = false;
}

void reference::finished(const std::string& id, std::int64_t seq, const std::string& body)
{
    auto* t = known(id);
    if (!t)
        return;
    auto& l = lanes_.at(t->what.lane());
    if (seq != last_seq() + 1)
        broken(id, fmt::format("its result has seq {}, the last one given was {}", seq, last_seq()));
    messages_.push_back({id, body});
    if (!t->stored || t->result)
        return broken(id, "got a result that was not owed");
    const auto result = json::parse(body).as_object();
    if (text(result, "id") != id)
        return broken(id, "its result names another command");
    judge(*t, l, result);
    if (t->sent && time_.now() - *t->sent < settle_ && t->effects == 0)
        broken(id, "ended while its last try may still take effect");
    t->result = body;
    finished_at_[id] = time_.now();
    // One that waited may end (cancelled, out of time) before those in front of it: it is as if it had never
    // been there.
    if (head(l) != t) {
        if (t->effects != 0)
            broken(id, "was carried out before its turn");
        const auto at = std::ranges::find(l.writes, id);
        const auto place = at - l.writes.begin();
        l.writes.erase(at);
        for (auto& [other, o] : commands_) {
            if (o.what.lane() != t->what.lane())
                continue;
            if (o.stored && o.place > place)
                --o.place;
            for (auto& s : o.open)
                if (s.behind > static_cast<std::size_t>(place))
                    --s.behind;
        }
        t->place = -1;
        return;
    }
    ++l.finished;
    l.after.push_back({l.now});
}

void reference::appended(const std::string& id, std::int64_t seq, const std::string& body)
{
    auto* t = known(id);
    if (!t)
        return;
    if (seq != last_seq() + 1)
        broken(id, fmt::format("a read's result has seq {}, the last one given was {}", seq, last_seq()));
    messages_.push_back({id, body});
    if (is_write(t->what.what))
        return broken(id, "a write's result was stored beside its command");
    // Where it was given to a link that broke before it was taken, it was judged already.
    if (t->open.empty())
        return broken(id, "a read was answered more often than it was asked");
    judge_read(*t, json::parse(body).as_object());
}

void reference::acknowledged(std::int64_t seq)
{
    acknowledged_ = std::max(acknowledged_, std::min(seq, last_seq()));
}

// A restarted agent counts by the wall clock.
void reference::found_at_start(std::int64_t next_seq)
{
    for (auto& [id, t] : commands_)
        if (t.stored)
            t.counts_from =
                time_.now() -
                std::max<duration>(time_.now() - t.received + wall_offset_ - t.wall_offset, duration::zero());
    if (next_seq != last_seq() + 1)
        verdict_.broken(fmt::format("a store that gave out seq {} goes on with {}", last_seq(), next_seq));
}

// ---- Exchange ----

void reference::request_begins(const std::string& name)
{
    auto& l = lanes_[name];
    if (++l.requests > 1 && name.back() != '/')
        verdict_.broken(name + ": two requests for one event run side by side");
}

void reference::request_ends(const std::string& name)
{
    --lanes_[name].requests;
}

void reference::write_sent(const std::string& name, kind what, const std::string& id)
{
    auto* t = head(lanes_[name]);
    const auto& who = id.empty() ? name : id;
    if (!t || t->what.what != what || (!id.empty() && t->what.id != id))
        return broken(who, fmt::format("{} was sent out of its turn", simulation::name(what)));
    if (!t->begun)
        broken(t->what.id, "was sent before its try was durable");
    if (time_.now() > latest_end(*t) + rounding)
        broken(t->what.id, "was sent after its ttl");
    if (++t->sends > most_sends)
        broken(t->what.id, "is sent again and again, without end");
    if (t->sent && time_.now() - *t->sent < settle_)
        broken(t->what.id, "was sent again while the try before may still take effect");
    t->sent = time_.now();
}

void reference::write_is_over(const std::string& name)
{
    if (auto* t = head(lanes_[name]))
        t->sent.reset();
}

std::string reference::applied(const std::string& name, kind what, const std::string& id,
                               const std::string& subject, bool notified)
{
    auto& l = lanes_[name];
    auto* t = head(l);
    if (!t || t->what.what != what || (!id.empty() && t->what.id != id)) {
        broken(id.empty() ? name : id, fmt::format("{} took effect out of its turn", simulation::name(what)));
        return id;
    }
    // What was overtaken cannot be told from what was never applied, but for a create.
    const bool again = t->effects != 0 || t->elsewhere;
    if (again && (what == kind::create || !(t->relived || t->what.redelivered) || !overtaken(*t, l)))
        broken(t->what.id, "took effect twice");
    if (again)
        t->notified = 0;
    t->effects = 1;
    t->told_late = t->told_late || !notified;
    if (what != kind::cancel && subject != t->what.subject)
        broken(t->what.id, "wrote something else than it was told");
    t->notified += notified ? 1 : 0;
    l.now = what == kind::cancel ? std::nullopt : std::optional(subject);
    l.last_effect = t->what.id;
    return t->what.id;
}

void reference::sent_again(const std::string& name, const std::string& id, bool first)
{
    auto* t = head(lanes_[name]);
    if (!t || t->what.id != id)
        return broken(id, "its invitations were sent out of its turn");
    if (!first)
        broken(id, "its attendees were invited twice");
    ++t->notified;
}

void reference::struck(const std::string& name, std::string_view code, bool passing)
{
    (passing ? passing_ : struck_)[name.substr(0, name.find('/'))].emplace(code);
}

void reference::agent_gone()
{
    for (auto& [id, t] : commands_) {
        t.pending = false;
        t.must_cancel = false;
        t.open.clear();
    }
    taken_.clear();
    admitted_ = 0;
    closing_ = false;
}

// ---- at the end ----

std::size_t reference::owed() const
{
    return static_cast<std::size_t>(std::ranges::count_if(commands_, [](const auto& entry) {
        const auto& t = entry.second;
        return (t.stored && !t.result) || t.pending || !t.open.empty();
    }));
}

const reference::message* reference::stored_message(std::int64_t seq) const
{
    return seq >= 1 && seq <= last_seq() ? &messages_[static_cast<std::size_t>(seq) - 1] : nullptr;
}

const std::string* reference::result_of(const std::string& id) const
{
    const auto found = commands_.find(id);
    return found != commands_.end() && found->second.result ? &*found->second.result : nullptr;
}

bool reference::is_stored(const std::string& id) const
{
    const auto found = commands_.find(id);
    return found != commands_.end() && found->second.stored;
}

} // namespace relay::simulation
