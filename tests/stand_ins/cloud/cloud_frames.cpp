// Frames of the agent after its hello: numbered, kept, and held against what it was asked.
#include "tests/stand_ins/cloud/cloud.hpp"

#include "tests/stand_ins/cloud/frame_checks.hpp"
#include "tests/stand_ins/cloud/output_checks.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace relay::cloud_sim {
namespace {

std::string_view text_of(const json::object& frame, std::string_view name)
{
    const auto* value = frame.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view{};
}

bool is_ok(const json::object& result)
{
    const auto* ok = result.if_contains("ok");
    return ok && ok->is_bool() && ok->get_bool();
}

std::string_view code_of(const json::object& result)
{
    const auto* error = result.if_contains("error");
    return error && error->is_object() ? text_of(error->get_object(), "code") : std::string_view{};
}

std::int64_t attempts_of(const json::object& result)
{
    const auto* attempts = result.if_contains("attempts");
    return attempts && attempts->is_int64() ? attempts->get_int64() : 0;
}

bool same_but_for_seq(const std::string& earlier, json::object later)
{
    auto first = parsed(earlier);
    if (!first.is_object())
        return false;
    first.get_object().erase("seq");
    later.erase("seq");
    return first.get_object() == later;
}

} // namespace

void cloud::received(session& s, std::string_view text, frame_format format)
{
    ++s.frames_in;
    record_frame(sender::agent, text);
    if (s.before_set_back)
        return;
    if (static_cast<std::int64_t>(text.size()) > settings_.max_message_bytes)
        violation(&s, "frame_too_large", "a frame over max_message_bytes", text);
    if (format == frame_format::binary) {
        violation(&s, "binary_frame", "a binary frame");
        s.ended_by_us = true;
        s.wire->close(1003);
        return;
    }
    error_code ec;
    const auto frame = json::parse(text, ec);
    const auto* object = ec ? nullptr : frame.if_object();
    if (!object)
        return violation(&s, "not_json", "a frame that is no JSON object", text);
    if (!s.welcomed)
        return violation(&s, "before_welcome", "a frame before welcome", text);
    if (const auto silence = time_.now() - s.last_ping; silence > 2 * settings_.heartbeat + 2s) {
        violation(&s, "no_ping", "frames arrive, but no ping for two heartbeats", text);
        s.last_ping = time_.now();
    }
    findings found;
    const auto type = text_of(*object, "type");
    if (type == "result")
        return on_result(s, frame, text);
    if (type == "accepted")
        return on_accepted(s, *object, text);
    if (type == "event") {
        check_event(*object, found);
        watches_.check(*object, found);
        add_findings(s, found, text);
        if (number(s, frame, text) == arrival::fresh)
            keep(s, frame_kind::event, frame, text, {});
    } else if (type == "problem") {
        check_problem(*object, found);
        add_findings(s, found, text);
        keep(s, frame_kind::problem, frame, text, text_of(*object, "id"));
    } else if (type == "goodbye") {
        check_goodbye(*object, found);
        add_findings(s, found, text);
        if (s.goodbye)
            violation(&s, "goodbye", "a second goodbye", text);
        s.goodbye = std::string(text_of(*object, "reason"));
        progress_.notify();
    } else if (type == "hello") {
        violation(&s, "hello", "a second hello", text);
    } else {
        violation(&s, "unknown_type", "a type that is not in PROTOCOL.md", text);
    }
}

// Takes the frame's seq down. `refused`: it has none, or one that cannot be.
cloud::arrival cloud::number(session& s, const json::value& frame, std::string_view text)
{
    const auto* value = frame.get_object().if_contains("seq");
    if (!value || !value->is_int64() || value->get_int64() < 1)
        return arrival::refused;
    auto& store = *s.store;
    const auto seq = value->get_int64();
    if (s.old_copy) {
        violation(&s, "old_copy",
                  "welcome told the store that it is an old copy, but it goes on under its id", text);
        return arrival::refused;
    }
    const auto hash = std::hash<json::value>{}(frame);
    const auto place = static_cast<std::size_t>(seq - store.first);
    if (seq <= store.received || seq < store.first) {
        ++store.repeats;
        store.dirty = true;
        disk_.wake();
        if (seq < store.first || place >= store.hashes.size() || store.hashes[place] != hash)
            violation(&s, "seq_reused", "a seq that another message had", text);
        if (seq == s.next_seq)
            ++s.next_seq;
        return arrival::repeat;
    }
    const auto expected = std::max(store.received + 1, store.first);
    if (seq > expected) {
        violation(&s, "seq_gap", "the next seq is " + std::to_string(expected), text);
        for (auto missing = expected; missing < seq && store.gaps.size() < 1000; ++missing)
            store.gaps.push_back(missing);
    } else if (s.next_seq < seq) {
        violation(&s, "not_resent",
                  "seq " + std::to_string(s.next_seq) + " was not acknowledged, and not sent again", text);
    }
    s.next_seq = seq + 1;
    constexpr std::size_t longest_gap = 1'000'000; // a hostile number must not make us fill the memory
    if (place < store.hashes.size() + longest_gap) {
        store.hashes.resize(place + 1);
        store.hashes[place] = hash;
    }
    store.received = seq;
    store.dirty = true;
    disk_.wake();
    return arrival::fresh;
}

void cloud::keep(session& s, frame_kind kind, const json::value& frame, std::string_view text,
                 std::string_view id)
{
    const auto* seq = frame.get_object().if_contains("seq");
    const bool numbered = seq && seq->is_int64();
    disk_.put(frame_row{kind, numbered ? s.store->id : std::string(), numbered ? seq->get_int64() : 0, s.id,
                        now().time_since_epoch().count(), std::string(text)});
    const auto* c = kind == frame_kind::result ? find(id) : nullptr;
    if (c && c->done)
        return; // a benchmark's: on the disk, but not in our memory
    auto& list = kind == frame_kind::result ? results_ : kind == frame_kind::event ? events_ : problems_;
    list.push_back({std::string(id), std::string(text), numbered ? s.store->id : std::string(),
                    numbered ? seq->get_int64() : 0});
}

void cloud::on_accepted(session& s, const json::object& frame, std::string_view text)
{
    findings found;
    check_accepted(frame, found);
    add_findings(s, found, text);
    auto* c = find(text_of(frame, "id"));
    if (!c)
        return violation(&s, "unknown_command", "accepted for a command that was never sent", text);
    ++c->accepted;
    auto& made = c->made_to(s.agent_id);
    if (!made.store)
        made.store = s.store; // sent before a restart of ours
    made.accepted = made.accepted || made.store == s.store;
    touch(*c);
    if (c->kind != op_class::write)
        violation(&s, "accepted_no_write", "accepted for " + c->op + ", which is no write", text);
    else if (c->accepted > c->sent)
        violation(&s, "accepted_unasked", "accepted more often than it was sent", text);
    else if (c->state == command_state::finished && c->sent == 1)
        violation(&s, "accepted_after_result", "accepted comes before the result", text);
    if (c->state == command_state::sent)
        c->state = command_state::accepted;
}

void cloud::on_result(session& s, const json::value& value, std::string_view text)
{
    const auto& frame = value.get_object();
    findings found;
    check_result(frame, found);
    const auto id = text_of(frame, "id");
    auto* c = find(id);
    const auto how = number(s, value, text);
    if (c)
        ++c->results;
    if (how == arrival::repeat) {
        add_findings(s, found, text);
        if (c)
            touch(*c);
        return;
    }
    if (how == arrival::refused && s.old_copy && frame.contains("seq"))
        return add_findings(s, found, text);
    ++result_count_;
    if (how == arrival::fresh || !c || !c->done)
        keep(s, frame_kind::result, value, text, id);
    if (!c) {
        found.push_back({"unknown_command", "a result for a command that was never sent"});
        return add_findings(s, found, text);
    }
    ++c->answered;
    check_answer(s, *c, frame, found);
    const auto* output = is_ok(frame) ? frame.if_contains("output") : nullptr;
    if (output && output->is_object())
        check_output(c->op, c->mailbox, c->params, output->get_object(), found);
    add_findings(s, found, text);
    finish(*c, s, frame, text);
}

void cloud::check_answer(const session& s, const command& c, const json::object& frame, findings& found) const
{
    const bool ok = is_ok(frame);
    const auto code = code_of(frame);
    const bool numbered = frame.contains("seq");
    if (c.sent == 0)
        found.push_back({"unknown_command", "a result for a command that was not sent yet"});
    if (code == "cancelled" && !c.cancel_sent)
        found.push_back({"cancelled_unasked", "cancelled, but nobody cancelled it"});
    if (code == "deadline_exceeded" && attempts_of(frame) > 0 && (c.kind == op_class::write || !numbered))
        found.push_back({"deadline_after_try", "a command that was tried ends with the last try's error"});
    // A read's result that was on its way when the link broke may have arrived, and come again as a stored one.
    const bool stored_read = c.kind == op_class::read && numbered;
    const bool finished_write =
        c.kind == op_class::write && !c.numbered_by.empty(); // check_write_answer() judges those
    if (c.answered > std::max<std::int64_t>(c.sent, 1) && !finished_write && !stored_read)
        found.push_back({"answered_twice", "more results than it was sent"});
    switch (c.kind) {
    case op_class::write:
        return check_write_answer(s, c, frame, found);
    case op_class::unknown:
        if (ok || code != "unsupported_operation" || numbered)
            found.push_back(
                {"unsupported", "an unknown operation ends with unsupported_operation, without seq"});
        return;
    case op_class::read:
        if (numbered && !c.moved && c.first_link == s.number)
            found.push_back({"read_with_seq", "a read's result was stored while its link was up"});
    }
}

void cloud::check_write_answer(const session& s, const command& c, const json::object& frame,
                               findings& found) const
{
    const bool ok = is_ok(frame);
    const auto code = code_of(frame);
    const bool numbered = frame.contains("seq");
    if (!c.numbered_by.empty()) {
        // A store in another life (an old copy, a new one after damage) no longer has the result: it looked up what is true,
        // and that has to be the same outcome.
        const auto earlier = parsed(c.result);
        const bool another_life = s.store && c.numbered_by != s.store->id && earlier.is_object();
        // Of two agents that both had it, one may not have done it; which one did is for the ledgers to tell.
        const auto* made = c.to(s.agent_id);
        if ((!made || made->answer.empty()) && (!ok || !is_ok(earlier.get_object())))
            return;
        const bool same = another_life
                              ? is_ok(earlier.get_object()) == ok && code_of(earlier.get_object()) == code
                              : same_but_for_seq(c.result, frame);
        if (!same)
            found.push_back({"different_result", "a finished write has another result than before"});
        else if (numbered && s.store && c.numbered_by == s.store->id)
            found.push_back({"second_seq", "a finished write's result was numbered a second time"});
        else if (!numbered && c.sent < 2)
            found.push_back({"answered_twice", "a result again, though the command was not sent again"});
        return;
    }
    if (!numbered) {
        if (c.forgotten)
            return; // from the history
        if (!refuses_before_storing(code))
            found.push_back({"write_without_seq", "the result of a write that was carried out has no seq"});
        else if (c.accepted > 0 && !c.moved && c.sent == 1)
            found.push_back({"write_without_seq", "the result of an accepted write has no seq"});
        return;
    }
    if (c.accepted == 0 && !c.moved && c.first_link == s.number)
        found.push_back({"not_accepted", "a numbered result of a write that was not accepted before"});
}

void cloud::finish(command& c, const session& s, const json::object& frame, std::string_view text)
{
    if (c.done) {
        // Taken out first: what is told may send the next command, and that may move the table.
        const auto done = std::move(c.done);
        const bool ok = is_ok(frame);
        const std::string code(code_of(frame));
        forget(c.id);
        done(ok, code);
        return;
    }
    outstanding_ = std::max<std::int64_t>(0, outstanding_ - c.outstanding());
    if (c.numbered_by.empty())
        c.finished_at = now();
    c.take_answer(s.agent_id, text, frame.contains("seq") && s.store ? std::string_view(s.store->id) : "");
    touch(c);
    if (c.finished)
        c.finished->notify();
    pump();
}

} // namespace relay::cloud_sim
