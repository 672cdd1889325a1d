// A queue whose disk is as slow and as broken as a test wants it: steps that write wait at a gate, or fail.
#pragma once

#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"

#include <optional>

namespace relay::test {

class gated_store final : public store::queue_store {
public:
    gated_store(asio::any_io_executor executor, store::queue_store& behind)
        : behind_(behind),
          opened_(executor)
    {
    }

    bool open = true;                // closed: steps that write wait, in order
    bool begins_open = true;         // closed: begin() waits, which is carried out first
    bool finishes_open = true;       // closed: finish() waits, and is not carried out
    std::optional<errc> writes_fail; // with this
    std::optional<errc> begins_fail; // only begin(), with this
    std::optional<errc> reads_fail;
    int reads = 0;
    int acknowledgements = 0;
    int records = 0;

    void open_gate()
    {
        open = true;
        begins_open = true;
        opened_.notify();
    }

    void on_damage(std::function<void()> found) override { behind_.on_damage(std::move(found)); }

    task<store::any_answer> carry_out(store::any_step s) override
    {
        namespace step = store::step;
        reads += is<step::read>(s);
        acknowledgements += is<step::acknowledge>(s);
        records += is<step::record>(s);

        const bool begins = is<step::begin>(s);
        if (begins && begins_fail)
            co_return store::not_done(s, *begins_fail);
        if (is<step::read>(s) && reads_fail)
            co_return store::not_done(s, *reads_fail);
        if (is<step::finish>(s)) {
            const auto ec = co_await wait_for(finishes_open);
            if (ec)
                co_return store::not_done(s, ec);
        }
        // What is looked up is found after what was admitted before it.
        if (is<step::look_up>(s) || waits(s)) {
            const auto ec = co_await wait_for(open);
            const auto fails = is<step::look_up>(s) ? reads_fail : writes_fail;
            if (ec || fails)
                co_return store::not_done(s, ec ? ec : error_code(*fails));
        }
        auto asked = s;
        auto answer = co_await behind_.carry_out(std::move(asked));
        if (begins) {
            const auto ec = co_await wait_for(begins_open);
            if (ec)
                co_return store::not_done(s, ec);
        }
        co_return answer;
    }

private:
    template <class Step>
    static bool is(const store::any_step& s)
    {
        return std::holds_alternative<Step>(s);
    }
    // What is about the store as a whole goes through: no test is about a disk that is slow there.
    static bool waits(const store::any_step& s)
    {
        namespace step = store::step;
        const bool writes = std::visit([](const auto& one) { return one.commit.has_value(); }, s);
        return writes && !is<step::renew>(s) && !is<step::owe_again>(s) && !is<step::prune>(s) &&
               !is<step::forget_audit>(s);
    }
    task<error_code> wait_for(const bool& gate)
    {
        while (!gate) {
            const auto ec = co_await opened_.wait();
            if (ec)
                co_return ec;
        }
        co_return error_code{};
    }

    store::queue_store& behind_;
    notifier opened_;
};

} // namespace relay::test
