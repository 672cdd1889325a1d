// Commands on their way to an agent.
#include "tests/stand_ins/cloud/cloud.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace relay::cloud_sim {

command* cloud::find(std::string_view id)
{
    const auto found = commands_.find(std::string(id));
    return found == commands_.end() ? nullptr : &found->second;
}

std::string cloud::unique_word()
{
    return std::to_string(start_number_) + '-' + std::to_string(++command_number_);
}

command& cloud::record(command c)
{
    while (c.id.empty() || commands_.contains(c.id))
        c.id = "c-" + unique_word();
    c.kind = class_of(c.op);
    c.queued_at = now();
    c.number = ++posted_;
    const auto id = c.id;
    auto& kept = commands_.emplace(id, std::move(c)).first->second;
    watches_.asked(kept.op, kept.params);
    touch(kept);
    return kept;
}

void cloud::deliver(command& c)
{
    const auto* s = active(c.agent);
    const bool room = !behaviour_.respect_window || outstanding_ < (s ? s->window : 0);
    if (!backlog_.empty() || !room || !send(c, c.redelivered))
        queue(c);
}

void cloud::queue(command& c)
{
    backlog_.push_back(&c);
    pump();
}

bool cloud::send(command& c, bool redelivered)
{
    auto* s = active(c.agent);
    if (!s)
        return false;
    transmit(*s, command_frame(c, redelivered));
    sent(c, *s);
    return true;
}

bool cloud::send_again(command& c, const command& posted)
{
    auto* s = active(c.agent);
    if (!s)
        return false;
    transmit(*s, command_frame(posted, posted.redelivered));
    sent(c, *s);
    return true;
}

void cloud::sent(command& c, session& s)
{
    ++c.sent;
    auto& made = c.made_to(s.agent_id);
    if (made.store && made.store != s.store) {
        made.elsewhere = true;
        made.accepted = false;
    }
    made.store = s.store;
    if (made.numbered_by.empty())
        made.answer.clear(); // it was refused before, and is asked anew
    if (c.sent == 1)
        c.first_link = s.number;
    else if (c.first_link != s.number)
        c.moved = true;
    if (c.state == command_state::queued) {
        c.state = command_state::sent;
        ++outstanding_;
    }
    touch(c);
}

bool cloud::cancel(command& c)
{
    auto* s = active(c.agent);
    if (!s)
        return false;
    transmit(*s, json::serialize(json::object{{"type", "cancel"}, {"id", c.id}}));
    c.cancel_sent = true;
    touch(c);
    return true;
}

bool cloud::send_passing(command c)
{
    auto* s = active();
    if (!s)
        return false;
    c.kind = class_of(c.op);
    const auto id = c.id;
    auto& kept = commands_.emplace(id, std::move(c)).first->second;
    watches_.asked(kept.op, kept.params);
    transmit(*s, command_frame(kept, false));
    sent(kept, *s);
    return true;
}

void cloud::forget(const std::string& id)
{
    const auto found = commands_.find(id);
    if (found == commands_.end())
        return;
    outstanding_ = std::max<std::int64_t>(0, outstanding_ - found->second.outstanding());
    commands_.erase(found);
}

bool cloud::send_raw(std::string frame, frame_format format)
{
    session* s = nullptr;
    for (auto& candidate : sessions_)
        if (candidate.wire && candidate.rejected.empty()) {
            s = &candidate;
            break;
        }
    if (!s)
        return false;
    // Where it is a command, or a cancel, after all, what the agent answers is judged as for any other.
    error_code ec;
    constexpr std::size_t longest_judged = 8u << 20;
    const bool judged = format == frame_format::text && frame.size() <= longest_judged;
    const auto value = judged ? json::parse(frame, ec) : json::value();
    const auto* object = ec ? nullptr : value.if_object();
    const auto text = [&](std::string_view name) {
        const auto* field = object ? object->if_contains(name) : nullptr;
        return field && field->is_string() ? std::string(field->get_string()) : std::string();
    };
    const auto type = text("type"), id = text("id");
    if (type == "cancel" && find(id)) {
        find(id)->cancel_sent = true;
    } else if (type == "command" && !id.empty() && !text("op").empty()) {
        if (!find(id)) {
            command c;
            c.id = id;
            c.op = text("op");
            c.mailbox = text("mailbox");
            if (const auto* params = object->if_contains("params"); params && params->is_object())
                c.params = params->get_object();
            record(std::move(c));
        }
        sent(*find(id), *s);
    } else if (type == "drain") {
        s->drained = time_.now();
    }
    ++s->frames_out;
    s->wire->send(std::move(frame), format);
    return true;
}

void cloud::pump()
{
    // In order, but none waits for one whose agent is not connected.
    for (auto at = backlog_.begin(); at != backlog_.end();) {
        auto& c = **at;
        const auto* s = active(c.agent);
        if (!s && c.agent.empty())
            return;
        if (s && outstanding_ >= s->window)
            return;
        if (!s) {
            ++at;
            continue;
        }
        at = backlog_.erase(at);
        send(c, c.redelivered);
    }
}

// What the agent has not answered may have got lost: with the link, if nobody accepted it; with the store, if another one
// did (an old copy, or damaged). That was sent before whatever still waits.
void cloud::give_again(session& s)
{
    std::vector<command*> lost; // a read is given again by whoever still wants it
    for (auto& [id, c] : commands_) {
        const bool its_own = c.kind == op_class::write && (c.agent.empty() || c.agent == s.agent_id);
        const auto* made = its_own ? c.to(s.agent_id) : nullptr;
        if (made && made->answer.empty() && !(made->accepted && made->store == s.store))
            lost.push_back(&c);
    }
    std::ranges::sort(lost, {}, &command::number);
    for (auto* c : lost) {
        const bool elsewhere = std::ranges::any_of(
            c->deliveries, [&](const delivery& d) { return d.elsewhere || d.store != s.store; });
        transmit(s, command_frame(*c, c->redelivered || elsewhere));
        sent(*c, s);
    }
}

void cloud::touch(command& c)
{
    if (c.dirty || c.done)
        return;
    c.dirty = true;
    dirty_.push_back(&c);
    disk_.wake();
}

} // namespace relay::cloud_sim
