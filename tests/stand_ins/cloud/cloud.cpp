// Sessions: from hello to the end of the link, and the faults a test asks for.
#include "tests/stand_ins/cloud/cloud.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/cloud/frame_checks.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace relay::cloud_sim {
namespace {

constexpr std::size_t most_violations = 10'000;
constexpr std::size_t most_sessions = 10'000;
constexpr std::size_t most_marks = 1'000'000;
constexpr std::uint16_t going_away = 1001;

// The text at `path` ("agent.id") of a frame that may be anything.
std::string text_at(const json::value& frame, std::string_view outer, std::string_view inner)
{
    const auto* object = frame.if_object();
    const auto* value = object ? object->if_contains(outer) : nullptr;
    object = value ? value->if_object() : nullptr;
    value = object ? object->if_contains(inner) : nullptr;
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string(*text) : std::string();
}

std::int64_t number_at(const json::object& object, std::string_view name, std::int64_t otherwise)
{
    const auto* value = object.if_contains(name);
    const auto* number = value ? value->if_int64() : nullptr;
    return number ? *number : otherwise;
}

} // namespace

cloud::cloud(recorder& disk, settings s, contents known, time_source& time, asio::any_io_executor executor)
    : disk_(disk),
      settings_(s),
      time_(time),
      executor_(std::move(executor)),
      progress_(executor_)
{
    load(std::move(known));
    disk_.start({[this](std::vector<row>& batch) { closing(batch); }, [this] { committed(); },
                 [](const std::string& reason) { throw std::runtime_error(reason); }});
}

void cloud::load(contents known)
{
    start_number_ = known.starts;
    for (auto& r : known.stores) {
        auto& store = stores_.emplace_back();
        store.id = r.id;
        store.first = r.first;
        store.received = store.closing = store.durable = store.told = r.ack;
        store.repeats = r.repeats;
        const auto gaps = json::parse(r.gaps);
        for (const auto& gap : gaps.as_array())
            store.gaps.push_back(gap.as_int64());
        store.hashes.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, r.ack - r.first + 1)));
    }
    for (auto& r : known.frames) {
        const auto frame = parsed(r.body);
        if (auto* store = find_store(r.store); store && r.seq >= store->first && r.seq <= store->received)
            store->hashes[static_cast<std::size_t>(r.seq - store->first)] = std::hash<json::value>{}(frame);
        auto& list = r.kind == frame_kind::result  ? results_
                     : r.kind == frame_kind::event ? events_
                                                   : problems_;
        result_count_ += r.kind == frame_kind::result;
        const auto* object = frame.if_object();
        const auto* id = object ? object->if_contains("id") : nullptr;
        list.push_back({id && id->is_string() ? std::string(id->get_string()) : std::string(),
                        std::move(r.body), r.store, r.seq});
    }
    for (const auto& r : known.commands) {
        auto& c = commands_.emplace(r.id, from_row(r)).first->second;
        watches_.asked(c.op, c.params);
        if (c.state == command_state::queued)
            backlog_.push_back(&c);
    }
    for (const auto& r : known.violations)
        violations_.push_back(parsed(r.body));
}

session& cloud::opened(link& wire, std::string certificate_name, bool deflate)
{
    if (sessions_.size() >= most_sessions && !sessions_.back().wire)
        sessions_.pop_back();
    auto& s = sessions_.emplace_front();
    s.number = ++session_number_;
    s.id = "s-" + std::to_string(start_number_) + '-' + std::to_string(s.number);
    s.wire = &wire;
    s.certificate_name = std::move(certificate_name);
    s.deflate = deflate;
    s.since = now();
    s.last_ping = time_.now();
    if (behaviour_.silent)
        wire.freeze(true);
    return s;
}

greeting cloud::hello(session& s, std::string_view text, frame_format format)
{
    ++s.frames_in;
    record_frame(sender::agent, text);
    error_code ec;
    auto frame = json::parse(text, ec);
    const auto* object = ec || format == frame_format::binary ? nullptr : frame.if_object();
    const auto* type = object ? object->if_contains("type") : nullptr;
    if (!type || *type != "hello") {
        violation(&s, "no_hello", "the first frame is no hello", text);
        s.ended_by_us = true;
        s.wire->close(1008);
        return greeting::rejected;
    }
    findings found;
    check_hello(*object, s.certificate_name, found);
    add_findings(s, found, text);
    s.agent_id = text_at(frame, "agent", "id");
    s.window = number_at(*object, "window", 1);
    s.hello = frame;
    check_drain_delay(s);
    const bool known_protocol = number_at(*object, "protocol", 0) == 1;
    if (behaviour_.reject)
        reject(s, *behaviour_.reject);
    else if (!known_protocol)
        reject(s, {"protocol_unsupported", "this cloud speaks protocol 1", std::nullopt});
    else if (duplicate(s, text_at(frame, "store", "id")))
        reject(s, {"duplicate_agent", "another store is connected under this identity", std::nullopt});
    if (!s.rejected.empty())
        return greeting::rejected;
    s.store = &store_of(*object);
    progress_.notify();
    return behaviour_.no_welcome ? greeting::nothing : greeting::welcome;
}

// Its last link, where we drained that one and it closed in order, says how long it should have stayed away.
void cloud::check_drain_delay(const session& s)
{
    for (const auto& other : sessions_) {
        if (&other == &s || other.agent_id != s.agent_id)
            continue;
        constexpr auto tolerance = 20ms; // timers are rounded
        if (other.drained && !other.goodbye && other.close_code == going_away &&
            time_.now() < *other.drained + other.drain_delay - tolerance)
            violation(&s, "drain_delay", "came back before reconnect_after_ms had passed");
        return;
    }
}

// Another store under the identity is refused; the same store means that its old link is dead, though we did not
// notice yet.
bool cloud::duplicate(const session& s, std::string_view store_id)
{
    for (auto& other : sessions_) {
        if (&other == &s || !other.wire || !other.store || other.agent_id != s.agent_id ||
            !other.rejected.empty())
            continue;
        if (other.store->id != store_id)
            return true;
        other.ended_by_us = true;
        other.wire->cut();
    }
    return false;
}

agent_store& cloud::store_of(const json::object& hello)
{
    const auto id = text_at(hello, "store", "id");
    if (auto* known = find_store(id))
        return *known;
    auto& store = stores_.emplace_back();
    store.id = id;
    const auto* fields = hello.if_contains("store") ? hello.at("store").if_object() : nullptr;
    if (fields)
        store.first =
            std::max<std::int64_t>(1, number_at(*fields, "next_seq", 1) - number_at(*fields, "unacked", 0));
    store.dirty = true;
    disk_.wake();
    return store;
}

void cloud::reject(session& s, const behaviour::rejection& r)
{
    s.rejected = r.code;
    s.ended_by_us = true;
    json::object frame{{"type", "reject"}, {"code", r.code}, {"message", r.message}};
    if (r.retry_after_s)
        frame["retry_after_s"] = *r.retry_after_s;
    transmit(s, json::serialize(frame));
    s.wire->close(1008);
}

void cloud::welcome(session& s)
{
    if (!s.wire)
        return;
    auto& store = *s.store;
    const auto dropped = std::max(store.told, store.first - 1); // what the agent may have dropped at most
    if (!behaviour_.withhold_acks)
        store.told = store.durable;
    const auto& hello = s.hello.as_object();
    const auto* fields = hello.if_contains("store") ? hello.at("store").if_object() : nullptr;
    const auto next = fields ? number_at(*fields, "next_seq", 1) : 1;
    const auto unacked = fields ? number_at(*fields, "unacked", 0) : 0;
    s.old_copy = store.told >= next;
    if (!s.old_copy && !store.set_back && unacked < next - 1 - dropped)
        violation(&s, "unacked_dropped", "fewer messages are kept than are not acknowledged",
                  json::serialize(hello));
    s.next_seq = std::max(store.told + 1, store.first);
    s.welcomed = true;
    s.last_ping = time_.now();
    store.welcomed = time_.now();
    store.marks.clear();
    transmit(s, json::serialize(json::object{{"type", "welcome"},
                                             {"session", s.id},
                                             {"time", format_rfc3339(now())},
                                             {"heartbeat_s", settings_.heartbeat.count()},
                                             {"ack", store.told},
                                             {"max_message_bytes", settings_.max_message_bytes}}));
    outstanding_ = 0;
    for (const auto& [id, c] : commands_)
        outstanding_ += behaviour_.give_again ? c.outstanding() : c.state == command_state::accepted;
    progress_.notify();
    if (behaviour_.give_again && !s.old_copy)
        give_again(s);
    pump();
}

void cloud::pinged(session& s)
{
    ++s.pings;
    s.last_ping = time_.now();
}

void cloud::closed(session& s, std::optional<std::uint16_t> code)
{
    s.wire = nullptr;
    s.until = now();
    s.close_code = code;
    progress_.notify();
    if (!code || s.ended_by_us || s.before_set_back || !s.welcomed)
        return;
    if (*code == going_away && !s.goodbye && !s.drained)
        violation(&s, "no_goodbye", "closed with 1001 without saying goodbye");
    // A store that learns from the welcome that it needs another id hangs up without having said more than hello: it has seen no drain.
    const bool drain_seen = s.drained && (s.frames_in > 1 || s.pings > 0);
    if (*code != going_away && (s.goodbye || drain_seen))
        violation(&s, "close_code",
                  "after goodbye or drain the link closes with 1001, not " + std::to_string(*code));
}

void cloud::violation(const session* s, std::string_view rule, std::string_view message,
                      std::string_view frame)
{
    if (violations_.size() >= most_violations)
        return;
    json::object v{{"rule", rule},
                   {"message", message},
                   {"session", s ? json::value(s->id) : json::value(nullptr)},
                   {"at", format_rfc3339(now())},
                   {"frame", utf8_prefix(frame, 2000)}};
    disk_.put(violation_row{json::serialize(v)});
    violations_.push_back(std::move(v));
}

void cloud::add_findings(const session& s, const findings& found, std::string_view frame)
{
    for (const auto& f : found)
        violation(&s, f.rule, f.message, frame);
}

void cloud::transmit(session& s, std::string frame)
{
    record_frame(sender::cloud, frame);
    ++s.frames_out;
    s.wire->send(std::move(frame));
}

void cloud::record_frame(sender from, std::string_view text)
{
    if (frames_)
        frames_->add(from, text);
}

void cloud::behave(behaviour b)
{
    const bool silence_changed = b.silent != behaviour_.silent;
    behaviour_ = std::move(b);
    for (auto& s : sessions_) {
        if (!s.wire)
            continue;
        if (silence_changed) {
            s.wire->freeze(behaviour_.silent);
            s.last_ping = time_.now(); // what it said meanwhile comes late through no fault of its own
        }
        if (!behaviour_.withhold_acks)
            acknowledge(s);
    }
    pump();
}

bool cloud::cut()
{
    bool any = false;
    for (auto& s : sessions_)
        if (s.wire) {
            any = s.ended_by_us = true;
            s.wire->cut();
        }
    return any;
}

bool cloud::close(std::uint16_t code)
{
    bool any = false;
    for (auto& s : sessions_)
        if (s.wire) {
            any = s.ended_by_us = true;
            s.wire->close(code);
        }
    return any;
}

bool cloud::drain(milliseconds reconnect_after)
{
    bool any = false;
    for (auto& s : sessions_) {
        if (!s.wire || !s.welcomed)
            continue;
        any = true;
        s.drained = time_.now();
        s.drain_delay = reconnect_after;
        transmit(s, json::serialize(
                        json::object{{"type", "drain"}, {"reconnect_after_ms", reconnect_after.count()}}));
    }
    return any;
}

std::vector<std::string> cloud::set_back(agent_store& store, std::int64_t ack)
{
    std::vector<std::string> unanswered;
    const auto forgotten = [&](const kept_frame& f) { return f.store == store.id && f.seq > ack; };
    for (const auto& f : results_)
        if (auto* c = forgotten(f) ? find(f.id) : nullptr; c && c->forget_answer(f.body)) {
            touch(*c);
            if (c->state != command_state::finished)
                unanswered.push_back(f.id);
        }
    result_count_ -= static_cast<std::int64_t>(std::erase_if(results_, forgotten));
    std::erase_if(events_, forgotten);
    std::erase_if(store.gaps, [&](auto gap) { return gap > ack; });
    store.received = store.closing = store.durable = store.told = ack;
    store.hashes.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, ack - store.first + 1)));
    store.set_back = store.dirty = true;
    disk_.put(forget_row{store.id, ack});
    for (auto& s : sessions_)
        s.before_set_back = s.wire != nullptr;
    cut();
    return unanswered;
}

session* cloud::active(std::string_view agent)
{
    for (auto& s : sessions_)
        if (s.usable() && (agent.empty() || s.agent_id == agent))
            return &s;
    return nullptr;
}

agent_store* cloud::newest_store()
{
    for (auto& s : sessions_)
        if (s.store)
            return s.store;
    return nullptr;
}

agent_store* cloud::find_store(std::string_view id)
{
    for (auto& store : stores_)
        if (store.id == id)
            return &store;
    return nullptr;
}

json::array cloud::agents() const
{
    json::array all;
    for (const auto& s : sessions_)
        if (s.wire || !s.hello.is_null()) // not one that only looked whether we answer, as doctor does
            all.push_back(to_json(s));
    return all;
}

json::object cloud::ledger() const
{
    json::array stores;
    std::int64_t repeats = 0;
    for (const auto& store : stores_) {
        stores.push_back(to_json(store));
        repeats += store.repeats;
    }
    return {{"stores", std::move(stores)}, {"results", result_count_}, {"repeats", repeats}};
}

json::array cloud::frames(const std::deque<kept_frame>& kept)
{
    json::array all;
    all.reserve(kept.size());
    for (const auto& frame : kept)
        all.push_back(parsed(frame.body));
    return all;
}

void cloud::closing(std::vector<row>& batch)
{
    for (auto* c : dirty_) {
        c->dirty = false;
        batch.push_back(to_row(*c));
    }
    dirty_.clear();
    for (auto& store : stores_) {
        store.closing = store.received;
        if (std::exchange(store.dirty, false))
            batch.push_back(to_row(store));
    }
}

void cloud::committed()
{
    for (auto& store : stores_) {
        if (store.durable == store.closing)
            continue;
        store.durable = store.closing;
        if (store.welcomed && store.marks.size() < most_marks)
            store.marks.push_back({time_.now(), store.durable});
    }
    for (auto& s : sessions_)
        acknowledge(s);
    progress_.notify();
}

void cloud::acknowledge(session& s)
{
    if (behaviour_.withhold_acks || !s.wire || !s.welcomed || s.old_copy ||
        s.store->durable - s.store->told < settings_.ack_every)
        return;
    s.store->told = s.store->durable;
    s.next_seq = std::max(s.next_seq, s.store->told + 1); // also what came late on a link before this one
    transmit(s, json::serialize(json::object{{"type", "ack"}, {"seq", s.store->told}}));
}

} // namespace relay::cloud_sim
