#include "tests/chaos/handover.hpp"

namespace relay::chaos {
namespace {

constexpr auto settle = 1s;                // quick_settings()
constexpr auto lost_after = 8s;            // longer than the first agent is held up
constexpr int long_ttl_ms = 2'000'000'000; // longer than a clock that jumps by days makes of a moment
constexpr auto margin =
    300ms; // between the agent's receipt of a command and our knowledge of `accepted`, and the like

} // namespace

asked handover::next_change(std::mt19937_64& random)
{
    asked c;
    c.mailbox = mailbox_;
    c.ttl_ms = long_ttl_ms;
    if (std::bernoulli_distribution(0.75)(random)) {
        c.op = "event.update";
        c.params = {{"event_id", event_id_},
                    {"set", {{"subject", event_id_ + " as " + std::to_string(++subjects_)}}},
                    {"notify", "all"}};
    } else {
        c.op = "event.cancel";
        c.params = {{"event_id", event_id_}, {"notify", "all"}};
    }
    return c;
}

void handover::send_late(asked c)
{
    delays_.before();
    c.ttl_ms = ttl_ms_;
    command_ = lab_.ask(std::vector{std::move(c)}).front();
    sent_ = std::chrono::steady_clock::now();
    stage_ = stage::waiting;
    delays_.after();
}

void handover::begin(std::string mailbox, std::mt19937_64& random, delays d)
{
    mailbox_ = std::move(mailbox);
    event_id_ = lab_.new_event();
    delays_ = std::move(d);
    ttl_ms_ = std::uniform_int_distribution<int>(200, 1200)(random);
    accepted_.reset();
    other_.revive();
    asked create;
    create.op = "event.create";
    create.mailbox = mailbox_;
    create.ttl_ms = long_ttl_ms;
    create.params = test::booking(event_id_, "2027-03-01T09:00:00Z", "2027-03-01T09:30:00Z");
    if (std::bernoulli_distribution(0.5)(random))
        return send_late(std::move(create));
    command_ = lab_.ask(std::vector{std::move(create)}).front();
    stage_ = stage::preparing;
}

bool handover::step(std::mt19937_64& random)
{
    if (stage_ == stage::none)
        return false;
    const auto& c = lab_.command(command_);
    if (stage_ == stage::preparing && c.result) {
        send_late(next_change(random));
    } else if (stage_ == stage::waiting && c.result) {
        stage_ = stage::none; // it was not late enough
    } else if (stage_ == stage::waiting) {
        const auto now = std::chrono::steady_clock::now();
        if (!accepted_ && text_of(lab_.world().record(command_), "state") == "accepted")
            accepted_ = now;
        if (!accepted_ && now > sent_ + lost_after) {
            stage_ = stage::none; // with its link: the lab sends it again when it heals
            return false;
        }
        if (accepted_ && now > *accepted_ + milliseconds(ttl_ms_) + settle + margin &&
            lab_.give_on(command_, other_.id())) {
            stage_ = stage::given;
            return true;
        }
    } else if (stage_ == stage::given && c.result) {
        auto change = next_change(random);
        change.agent = other_.id();
        command_ = lab_.ask(std::vector{std::move(change)}).front();
        stage_ = stage::changing;
    } else if (stage_ == stage::changing && c.result) {
        stage_ = stage::none;
    }
    return false;
}

} // namespace relay::chaos
