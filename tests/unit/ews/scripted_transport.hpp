// A transport that answers from a list and remembers what it was sent.
#pragma once

#include "agent/http/cause.hpp"
#include "agent/http/http.hpp"
#include "tests/support/manual_time.hpp"

#include <deque>

namespace relay::test {

class scripted_transport final : public http::transport {
public:
    explicit scripted_transport(manual_time& time) : time_(time) {}

    task<http::outcome> perform(http::request r) override
    {
        requests.push_back(std::move(r));
        const auto streaming = requests.back().streaming;
        if (took > duration::zero())
            if (const auto woken = co_await time_.sleep_for(took))
                co_return http::failed{woken, http::reached::sent, "cancelled"};
        if (answers.empty())
            co_return http::failed{asio::error::connection_refused, http::reached::nothing, "nobody listens"};
        auto next = std::move(answers.front());
        answers.pop_front();
        if (streaming && next.has_value() && next->status == 200) {
            for (const char c : std::exchange(next->body, {}))
                if (!streaming->to->take({&c, 1}))
                    co_return http::failed{http::cause::answer_too_large, http::reached::sent, "too much"};
        }
        co_return next;
    }

    std::deque<http::outcome> answers;
    std::vector<http::request> requests;
    duration took{0}; // each request

private:
    manual_time& time_;
};

} // namespace relay::test
