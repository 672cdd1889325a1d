#include "tests/simulation/cloud.hpp"

#include "common/time/rfc3339.hpp"
#include "tests/simulation/frames.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::simulation {
namespace {

constexpr duration hanging_dial = 20min;
constexpr duration hanging_dial_step = 1min; // the network may come back meanwhile

uplink::failed broken_link(error_code ec, uplink::step at = uplink::step::serving)
{
    return {at, ec, "by the simulation"};
}

std::string text(const json::object& o, std::string_view key)
{
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

} // namespace

// ---- the agent's end of a connection ----

class cloud::link final : public uplink::link {
public:
    link(cloud& c, wire_ptr w, const cloud::agent_look& look) : cloud_(c), wire_(std::move(w)), look_(look) {}
    ~link() override { abort(); }

    task<uplink::outcome<std::string>> read() override
    {
        while (wire_->to_agent.empty() && !wire_->broken)
            if (const auto ec = co_await wire_->changed.wait())
                co_return broken_link(ec);
        if (wire_->broken)
            co_return *wire_->broken;
        const auto p = std::move(wire_->to_agent.front());
        wire_->to_agent.pop_front();
        wire_->arrived = cloud_.agents_clock_.now();
        cloud_.taken(*wire_, p, look_(p.id));
        co_return p.frame;
    }

    task<uplink::outcome<void>> write(std::span<const std::string> frames) override
    {
        if (wire_->dead)
            co_return *wire_->broken;
        // The rules hold for what the agent wants to say, whether or not it arrives.
        for (const auto& f : frames)
            cloud_.written(*wire_, f);
        if (wire_->broken)
            co_return *wire_->broken;
        for (const auto& f : frames)
            cloud_.send_out(wire_, f);
        co_return uplink::outcome<void>();
    }

    task<uplink::outcome<void>> ping() override
    {
        if (!wire_->dumb)
            wire_->arrived = cloud_.agents_clock_.now();
        co_return uplink::outcome<void>();
    }

    task<void> close(uplink::close_code, std::string) override
    {
        if (wire_->dumb)
            while (!wire_->broken)
                co_await wire_->changed.wait();
        cloud_.hang_up(wire_, errc::link_closed);
    }

    void abort() noexcept override { cloud_.hang_up(wire_, asio::error::operation_aborted); }
    void limit_frames(std::size_t) override {}
    steady_time last_arrival() const noexcept override { return wire_->arrived; }
    std::optional<duration> round_trip() const noexcept override { return 7ms; }

private:
    cloud& cloud_;
    wire_ptr wire_;
    const cloud::agent_look& look_;
};

std::unique_ptr<cloud::door> cloud::open_door(agent_look look)
{
    return std::make_unique<door>(*this, std::move(look));
}

void cloud::door::cut_off()
{
    cut_off_ = true;
    if (!last_)
        return;
    last_->lost = last_->dead = true;
    cloud_.hang_up(last_, asio::error::connection_reset);
}

task<uplink::outcome<uplink::link_ptr>> cloud::door::connect()
{
    for (duration waited{}; cloud_.network_ == network::hangs && waited < hanging_dial;
         waited += hanging_dial_step)
        if (const auto ec = co_await cloud_.time_.sleep_for(hanging_dial_step))
            co_return broken_link(ec, uplink::step::tcp);
    if (cut_off_ || cloud_.network_ == network::refuses || cloud_.network_ == network::hangs)
        co_return broken_link(asio::error::connection_refused, uplink::step::tcp);
    last_ = std::make_shared<wire>(cloud_.executor_, cloud_.time_.now(), cloud_.agents_clock_.now());
    cloud_.forget(cloud_.current_.get());
    cloud_.current_ = last_;
    co_return std::make_unique<link>(cloud_, last_, look_);
}

// ---- frames on their way ----

// It must not overtake what went before, also where that is due at this very moment and has not arrived yet.
void cloud::pass_on(const wire_ptr& w, wire::road& by, std::function<void()> arrive)
{
    const auto now = time_.now();
    by.last = std::max(by.last, now + latency_);
    if (by.last == now && by.under_way != 0)
        by.last += 1ms;
    ++by.under_way;
    later_(by.last - now, [w, &by, arrive = std::move(arrive)] {
        --by.under_way;
        arrive();
    });
}

void cloud::put(const wire_ptr& w, parcel p)
{
    if (w->dumb || w->broken)
        return;
    pass_on(w, w->in, [w, p = std::move(p)]() mutable {
        if (w->dumb || w->broken)
            return;
        w->to_agent.push_back(std::move(p));
        w->changed.notify();
    });
}

void cloud::send_out(const wire_ptr& w, const std::string& frame)
{
    if (w->dumb)
        return;
    pass_on(w, w->out, [this, w, frame] {
        if (!w->lost && !w->dumb)
            heard(w, frame);
    });
}

void cloud::hang_up(const wire_ptr& w, error_code why)
{
    if (!w->broken)
        w->broken = broken_link(why);
    w->changed.notify();
    if (current_ == w)
        forget(w.get());
}

// The link is gone, as far as the cloud is concerned: what it did not make durable is lost.
void cloud::forget(const wire* w)
{
    if (!w || current_.get() != w)
        return;
    current_.reset();
    store_.received = store_.durable;
}

// ---- what happens ----

void cloud::send(order o, bool elsewhere)
{
    const auto id = o.id;
    sent_command c;
    c.frame = command_frame(o);
    auto other = o;
    other.subject += ", changed";
    other.mailbox = is_write(o.what) && o.what != kind::cancel ? o.mailbox : "x" + o.mailbox;
    if (is_write(o.what) && commands_.size() % 2 == 0) // a read under a write's id
        other.what = kind::get;
    c.other = command_frame(other);
    model_.made(std::move(o));
    if (elsewhere)
        model_.done_elsewhere(id);
    const auto& frame = commands_.emplace(id, std::move(c)).first->second.frame;
    order_.push_back(id);
    if (current_ && current_->greeted)
        put(current_, {frame, id, parcel::what::command});
}

void cloud::repeat(const std::string& id)
{
    const auto found = commands_.find(id);
    if (found != commands_.end() && current_ && current_->greeted)
        put(current_, {found->second.frame, id, parcel::what::command});
}

void cloud::reuse(const std::string& id)
{
    const auto found = commands_.find(id);
    if (found != commands_.end() && current_ && current_->greeted && model_.is_stored(id))
        put(current_, {found->second.other, id, parcel::what::reuse});
}

void cloud::cancel(const std::string& id)
{
    if (commands_.contains(id) && current_ && current_->greeted)
        put(current_, {R"({"type":"cancel","id":")" + id + R"("})", id, parcel::what::cancel});
}

void cloud::drain(milliseconds pause)
{
    if (current_ && current_->greeted)
        put(current_, {fmt::format(R"({{"type":"drain","reconnect_after_ms":{}}})", pause.count()), {}, {}});
}

void cloud::cut()
{
    if (!current_)
        return;
    current_->lost = true;
    const auto w = current_;
    hang_up(w, asio::error::connection_reset);
}

void cloud::half_open()
{
    if (current_)
        current_->dumb = true;
    forget(current_.get());
}

void cloud::withhold(bool yes)
{
    withholding_ = yes;
    if (yes || !current_ || store_.durable == store_.received)
        return;
    store_.durable = store_.received;
    put(current_, {fmt::format(R"({{"type":"ack","seq":{}}})", store_.durable), {}, {}});
}

bool cloud::waits(const std::string& lane) const
{
    return std::ranges::any_of(commands_, [&](const auto& entry) {
        return !entry.second.answered && model_.find(entry.first)->lane() == lane;
    });
}

// ---- what the agent takes ----

void cloud::taken(wire& w, const parcel& p, const agent_view& agent)
{
    switch (p.type) {
    case parcel::what::command:
        w.unanswered.insert(p.id);
        model_.delivered(p.id, agent);
        break;
    case parcel::what::reuse:
        w.reused.insert(p.id);
        model_.reuse_delivered(p.id);
        break;
    case parcel::what::cancel:
        model_.cancel_delivered(p.id);
        break;
    case parcel::what::other:
        break;
    }
    if (p.frame.starts_with(R"({"type":"welcome")"))
        w.next_seq = json::parse(p.frame).as_object().at("ack").as_int64() + 1;
    if (p.frame.starts_with(R"({"type":"ack")"))
        w.next_seq = std::max(w.next_seq, json::parse(p.frame).as_object().at("seq").as_int64() + 1);
}

// ---- what the agent says ----

void cloud::written(wire& w, const std::string& raw)
{
    const auto frame = json::parse(raw).as_object();
    const auto type = text(frame, "type");
    const auto id = text(frame, "id");
    if (type == "accepted") {
        if (!model_.is_stored(id))
            verdict_.broken(id + ": accepted before it was durable");
        w.unanswered.erase(id);
    } else if (type == "problem") {
        const auto wanted = w.reused.find(id);
        if (text(frame, "code") != "id_reused" || wanted == w.reused.end())
            return verdict_.broken("an undue problem: " + raw);
        w.reused.erase(wanted);
    } else if (type == "result") {
        w.unanswered.erase(id);
        written_result(w, id, frame, raw);
    } else if (type != "hello" && type != "goodbye") {
        verdict_.broken("an unknown message: " + raw);
    }
}

void cloud::written_result(wire& w, const std::string& id, const json::object& frame, const std::string& raw)
{
    const auto* seq = frame.if_contains("seq");
    if (!seq)
        return model_.answered(id, frame);
    const auto n = seq->as_int64();
    const auto* stored = model_.stored_message(n);
    if (!stored || stored->id != id)
        return verdict_.broken(fmt::format("{}: seq {} was never given to it", id, n));
    auto body = frame;
    body.erase("seq");
    const auto* error = body.if_contains("error");
    const bool expired =
        !is_write(model_.find(id)->what) && error && text(error->as_object(), "code") == "deadline_exceeded";
    if (!expired && body != json::parse(stored->body).as_object())
        verdict_.broken(fmt::format("{}: seq {} is not what was stored: {}", id, n, raw));
    // In order and without gaps; one that went out before may come again where its command was repeated.
    if (n > w.next_seq)
        verdict_.broken(fmt::format("{}: seq {} came where {} was due", id, n, w.next_seq));
    w.next_seq = std::max(w.next_seq, n + 1);
}

void cloud::heard(const wire_ptr& w, const std::string& raw)
{
    const auto frame = json::parse(raw).as_object();
    const auto type = text(frame, "type");
    if (type == "hello")
        return heard_hello(w, frame);
    if (type != "accepted" && type != "result")
        return;
    const auto c = commands_.find(text(frame, "id"));
    if (c == commands_.end())
        return; // the rules of the link have said so
    c->second.answered = true;
    c->second.refused = false;
    if (type == "result")
        heard_result(w, frame);
}

void cloud::heard_hello(const wire_ptr& w, const json::object& hello)
{
    const auto& store = hello.at("store").as_object();
    if (w == current_ && network_ != network::rejects)
        turn_to(text(store, "id"));
    if (text(store, "id") == store_.id)
        judge_hello(store.at("next_seq").as_int64(), store.at("unacked").as_int64());
    if (w != current_)
        return;
    if (network_ == network::rejects) {
        put(w, {R"({"type":"reject","code":"try_later","message":"","retry_after_s":30})", {}, {}});
        return;
    }
    w->greeted = true;
    store_.received = store_.durable;
    put(w, {fmt::format(R"({{"type":"welcome","session":"s-1","time":"{}","heartbeat_s":{},"ack":{},)"
                        R"("max_message_bytes":65536}})",
                        format_rfc3339(time_.utc_now()), heartbeat_.count(), store_.durable),
            {},
            {}});
    for (const auto& id : order_) {
        auto& c = commands_.at(id);
        if (c.answered)
            continue;
        if (is_write(model_.find(id)->what))
            put(w, {c.frame, id, parcel::what::command});
        else
            c.answered = true; // nobody waits for a read any more
    }
}

void cloud::judge_hello(std::int64_t next, std::int64_t unacked)
{
    const auto dropped = next - 1 - unacked;
    if (next > model_.last_seq() + 1)
        verdict_.broken(
            fmt::format("hello names next_seq {}, the last one given was {}", next, model_.last_seq()));
    if (dropped > store_.durable && !store_.set_back)
        verdict_.broken(
            fmt::format("the agent dropped results up to {}, the cloud holds {}", dropped, store_.durable));
}

void cloud::heard_result(const wire_ptr& w, const json::object& result)
{
    const auto id = text(result, "id");
    auto& c = commands_.at(id);
    auto body = result;
    body.erase("seq");
    const auto* seq = result.if_contains("seq");
    const auto* error = result.if_contains("error");
    const bool refusal = !seq && error && text(error->as_object(), "code") == "overloaded";
    c.refused = refusal;
    if (is_write(model_.find(id)->what) && !refusal) {
        // One result, however often it comes.
        if (c.result && *c.result != body && !model_.may_be_judged_anew(id))
            verdict_.broken(id + ": has two results");
        if (!c.elsewhere)
            c.result = std::move(body);
        if (seq) {
            c.seq = seq->as_int64();
            c.store = store_.id;
        }
        ++repeated_[id];
    }
    if (!seq || w != current_)
        return;
    const auto n = seq->as_int64();
    if (n > store_.received + 1)
        verdict_.broken(fmt::format("{}: seq {} came, {} was due", id, n, store_.received + 1));
    if (n <= store_.received)
        return;
    store_.received = n;
    if (withholding_)
        return;
    store_.durable = n;
    put(w, {fmt::format(R"({{"type":"ack","seq":{}}})", store_.durable), {}, {}});
}

// ---- stores and agents come and go ----

// A store with another id has taken the place of the one before: what that one still owed comes again.
void cloud::turn_to(const std::string& store)
{
    if (store == store_.id)
        return;
    const bool first = store_.id.empty();
    const auto before = std::exchange(store_, others_[store]);
    others_[before.id] = before;
    store_.id = store;
    if (first)
        return;
    for (const auto& id : order_)
        if (lacks_result(id))
            redeliver(id);
}

bool cloud::lacks_result(const std::string& id) const
{
    const auto& c = commands_.at(id);
    return is_write(model_.find(id)->what) && !holds_result(c) && !c.refused && !c.elsewhere;
}

// For good.
bool cloud::holds_result(const sent_command& c) const
{
    if (!c.result || c.seq == 0)
        return c.result.has_value();
    const auto before = others_.find(c.store);
    const auto& from = c.store == store_.id || before == others_.end() ? store_ : before->second;
    return c.seq <= from.durable;
}

// On this link if there is one that was greeted, else on the next.
void cloud::redeliver(const std::string& id)
{
    auto& c = commands_.at(id);
    c.answered = false;
    c.frame = command_frame(model_.redelivered(id));
    if (current_ && current_->greeted)
        put(current_, {c.frame, id, parcel::what::command});
}

void cloud::give_again_what_was_forgotten()
{
    for (const auto& id : order_)
        if (commands_.at(id).answered && lacks_result(id) && !model_.is_stored(id))
            redeliver(id);
}

// PROTOCOL.md, "Commands and results": after its time, and with nothing of its event under way.
bool cloud::may_give_away(const std::string& id) const
{
    const auto* o = model_.find(id);
    if (!o || !is_write(o->what) || !commands_.contains(id) || !lacks_result(id) || !model_.over_for_good(id))
        return false;
    return std::ranges::none_of(order_, [&](const auto& other) {
        return other != id && model_.find(other)->lane() == o->lane() && lacks_result(other);
    });
}

void cloud::given_away(const std::string& id)
{
    auto& c = commands_.at(id);
    c.answered = c.elsewhere = true;
    c.frame = command_frame(model_.redelivered(id));
}

void cloud::keep()
{
    kept_ = store_;
}

void cloud::put_back()
{
    if (!kept_ || kept_->id != store_.id || kept_->durable == store_.durable)
        return;
    cut();
    store_.received = store_.durable = kept_->durable;
    store_.set_back = true;
    for (auto& [id, c] : commands_)
        if (c.store == store_.id && c.seq > store_.durable && !c.elsewhere)
            c.result.reset();
}

// ---- at the end ----

bool cloud::everything_done() const
{
    return std::ranges::none_of(order_, [&](const auto& id) { return lacks_result(id); });
}

bool cloud::everything_answered() const
{
    return std::ranges::all_of(commands_, [&](const auto& entry) {
        return entry.second.answered || !is_write(model_.find(entry.first)->what);
    });
}

void cloud::check_at_end()
{
    if (!current_)
        return verdict_.broken("there is no link though nothing is in its way");
    if (store_.durable != model_.last_seq())
        verdict_.broken(
            fmt::format("the cloud holds {} of {} stored messages", store_.durable, model_.last_seq()));
    for (const auto& id : order_)
        if (lacks_result(id))
            verdict_.broken(id + ": was accepted, and both sides have forgotten it");
    if (!current_->unanswered.empty())
        verdict_.broken(*current_->unanswered.begin() + ": was taken and never answered");
    if (!current_->reused.empty())
        verdict_.broken(*current_->reused.begin() + ": was reused, and nobody minds");
}

} // namespace relay::simulation
