// The reference model: a store that was lost, put back to an older copy, or given a new id.
#include "tests/simulation/reference.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace relay::simulation {

reference::memory_ptr reference::remembered() const
{
    const auto m = std::make_shared<memory>();
    for (const auto& [id, t] : commands_)
        if (t.stored)
            m->commands[id] = {t.place, t.begun, t.begins, t.result, t.received, t.wall_offset};
    for (const auto& [name, l] : lanes_)
        m->lanes[name] = {l.writes, l.finished, l.after};
    m->messages = messages_;
    m->acknowledged = acknowledged_;
    m->finished_at = finished_at_;
    return m;
}

// What the store knows is as it was then; what happened in Exchange has happened.
void reference::put_back(const memory& m)
{
    forgetful_ = true;
    for (auto& [id, t] : commands_) {
        const auto found = m.commands.find(id);
        const auto then = found != m.commands.end() ? found->second : memory::command{};
        const bool knew = found != m.commands.end();
        t.relived = t.relived || t.begins > then.begins || (t.result && !then.result);
        t.stored = knew;
        t.delivered = t.delivered && (knew || !is_write(t.what.what));
        t.cancel_asked = t.cancel_asked && knew;
        t.place = then.place;
        t.begun = then.begun;
        t.begins = then.begins;
        t.result = then.result;
        if (knew) {
            t.received = then.received;
            t.wall_offset = t.lowest_offset = then.wall_offset;
        }
    }
    for (auto& [name, l] : lanes_) {
        const auto found = m.lanes.find(name);
        const auto then = found != m.lanes.end() ? found->second : memory::turns{};
        l.writes = then.writes;
        l.finished = then.finished;
        l.after = then.after;
        l.after.back() = {l.now};
    }
    messages_ = m.messages;
    acknowledged_ = m.acknowledged;
    finished_at_ = m.finished_at;
}

void reference::renewed()
{
    messages_.erase(messages_.begin(), messages_.begin() + acknowledged_);
    acknowledged_ = 0;
}

void reference::owed_again(std::int64_t held, const std::vector<std::string>& bodies)
{
    for (auto seq = held + 1; seq <= last_seq(); ++seq) {
        const auto& m = messages_[static_cast<std::size_t>(seq) - 1];
        if (is_write(commands_.at(m.id).what.what) && std::ranges::find(bodies, m.body) == bodies.end())
            broken(m.id, "its result is not given again to a cloud that was put back");
    }
    messages_.clear();
    for (const auto& body : bodies)
        messages_.push_back({std::string(json::parse(body).as_object().at("id").as_string()), body});
    acknowledged_ = 0;
}

bool reference::may_be_judged_anew(const std::string& id) const
{
    const auto found = commands_.find(id);
    return found != commands_.end() && (found->second.relived || found->second.elsewhere);
}

} // namespace relay::simulation
