// Runs the steps of dialling, each under a deadline of its own, and writes down what they found.
#pragma once

#include "agent/uplink/tls_connector.hpp"

#include <string>

namespace relay::uplink {

class dial_steps {
public:
    // `time` and `report` outlive it.
    dial_steps(time_source& time, duration limit, dial_report& report)
        : time_(time),
          limit_(limit),
          report_(report)
    {
    }

    // `what` names the step in the sentence of a failure: "the name look-up of relay.example".
    template <class T>
    task<outcome<T>> run(step at, std::string what, task<outcome<T>> work)
    {
        using namespace asio::experimental::awaitable_operators;
        begun_ = time_.now();
        auto first = co_await (std::move(work) || time_.sleep_for(limit_));
        if (const auto* woke = std::get_if<1>(&first)) {
            if (woke->failed())
                co_return failed{at, *woke, what + " was given up"}; // our caller is being cancelled
            co_return failed{at, asio::error::timed_out, what + " took longer than " + seconds()};
        }
        co_return std::get<0>(std::move(first));
    }

    // What the step that was run last has to say about itself.
    void note(step what, std::string detail)
    {
        report_.steps.push_back({what, std::move(detail), time_.now() - begun_});
    }

    void allow(duration limit) { limit_ = limit; } // for the steps that follow
    time_source& time() const noexcept { return time_; }
    dial_report& report() const noexcept { return report_; }

private:
    std::string seconds() const
    {
        return std::to_string(std::chrono::ceil<std::chrono::seconds>(limit_).count()) + " s";
    }

    time_source& time_;
    duration limit_;
    dial_report& report_;
    steady_time begun_{};
};

} // namespace relay::uplink
