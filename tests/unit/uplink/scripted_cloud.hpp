// The cloud's end of the uplink as a script: the test puts frames on the wire, and reads what the agent wrote.
#pragma once

#include "agent/uplink/link.hpp"
#include "common/async/notifier.hpp"

#include <deque>
#include <functional>
#include <vector>

namespace relay::test {

// One connection as both ends see it. Shared by the test and the link, as either may be gone first.
struct wire {
    wire(asio::any_io_executor executor, time_source& t) : time(t), changed(executor), arrived(t.now()) {}

    time_source& time;
    notifier changed;
    std::deque<std::string> to_agent;
    std::vector<std::string> from_agent;
    std::optional<uplink::failed> broken; // what the next read and write fail with
    std::optional<std::uint16_t> closed;  // by the agent, with this code
    bool aborted = false;
    bool reads = true; // false: the cloud takes nothing, writes wait
    bool answers_pings = true;
    bool answers_close = true;
    int pings = 0;
    std::size_t writes = 0; // calls of write()
    std::size_t most = 0;   // limit_frames()
    steady_time arrived;

    void send(std::string frame)
    {
        to_agent.push_back(std::move(frame));
        changed.notify();
    }
    void cut(error_code ec = asio::error::connection_reset)
    {
        broken = uplink::failed{uplink::step::serving, ec, "cut by the test"};
        changed.notify();
    }
};

class scripted_link final : public uplink::link {
public:
    explicit scripted_link(std::shared_ptr<wire> w) : wire_(std::move(w)) {}
    ~scripted_link() override { wire_->aborted = true; }

    task<uplink::outcome<std::string>> read() override
    {
        while (wire_->to_agent.empty() && !wire_->broken)
            if (const auto ec = co_await wire_->changed.wait())
                co_return uplink::failed{uplink::step::serving, ec, "cancelled"};
        if (wire_->broken)
            co_return *wire_->broken;
        auto frame = std::move(wire_->to_agent.front());
        wire_->to_agent.pop_front();
        wire_->arrived = wire_->time.now();
        co_return frame;
    }
    task<uplink::outcome<void>> write(std::span<const std::string> frames) override
    {
        ++wire_->writes;
        while (!wire_->reads && !wire_->broken)
            if (const auto ec = co_await wire_->changed.wait())
                co_return uplink::failed{uplink::step::serving, ec, "cancelled"};
        if (wire_->broken)
            co_return *wire_->broken;
        wire_->from_agent.insert(wire_->from_agent.end(), frames.begin(), frames.end());
        co_return uplink::outcome<void>();
    }
    task<uplink::outcome<void>> ping() override
    {
        ++wire_->pings;
        if (wire_->answers_pings && wire_->reads)
            wire_->arrived = wire_->time.now();
        co_return uplink::outcome<void>();
    }
    task<void> close(uplink::close_code code, std::string) override
    {
        wire_->closed = static_cast<std::uint16_t>(code);
        while (!wire_->answers_close && !wire_->broken)
            co_await wire_->changed.wait();
        wire_->cut(errc::link_closed);
    }
    void abort() noexcept override
    {
        wire_->aborted = true;
        wire_->cut(asio::error::operation_aborted);
    }
    void limit_frames(std::size_t most) override { wire_->most = most; }
    steady_time last_arrival() const noexcept override { return wire_->arrived; }
    std::optional<duration> round_trip() const noexcept override { return 7ms; }

private:
    std::shared_ptr<wire> wire_;
};

class scripted_cloud final : public uplink::connector {
public:
    scripted_cloud(asio::any_io_executor executor, time_source& time) : executor_(executor), time_(time) {}

    int attempts = 0;
    int refusals = 0;                              // the next so many attempts fail
    bool hangs = false;                            // attempts never end by themselves
    std::function<void(wire&)> greet = welcome(0); // what it says when a link opens
    std::vector<std::shared_ptr<wire>> links;
    std::vector<steady_time> attempted_at;

    wire& now() { return *links.back(); }

    task<uplink::outcome<uplink::link_ptr>> connect() override
    {
        ++attempts;
        attempted_at.push_back(time_.now());
        if (hangs) {
            const auto ec = co_await time_.sleep_for(24h);
            co_return uplink::failed{uplink::step::tcp, ec, "given up"};
        }
        if (refusals > 0) {
            --refusals;
            co_return uplink::failed{uplink::step::tcp, asio::error::connection_refused,
                                     "cannot connect to relay.example:443"};
        }
        links.push_back(std::make_shared<wire>(executor_, time_));
        greet(now());
        co_return std::make_unique<scripted_link>(links.back());
    }
    std::string url() const override { return "wss://relay.example/v1/connect"; }

    static std::function<void(wire&)> welcome(std::int64_t ack)
    {
        return [ack](wire& w) {
            w.send(
                R"({"type":"welcome","session":"s-1","time":"2026-11-22T10:00:00Z","heartbeat_s":20,"ack":)" +
                std::to_string(ack) + R"(,"max_message_bytes":65536})");
        };
    }

private:
    asio::any_io_executor executor_;
    time_source& time_;
};

} // namespace relay::test
