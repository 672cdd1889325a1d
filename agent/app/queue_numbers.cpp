#include "agent/app/queue_numbers.hpp"

namespace relay::app {

task<std::optional<store::queue_status>> queue_numbers::now()
{
    if (asking_)
        co_await answered_.wait(); // the answer to somebody else's question is ours, too
    if (asking_ || time_.now() < ask_at_)
        co_return last_;
    asking_ = true;
    struct question { // ends also where its asker is cancelled
        queue_numbers& of;
        ~question()
        {
            of.asking_ = false;
            of.answered_.notify();
        }
    } const under_way{*this};
    const auto got = co_await with_timeout(time_, patience, store_.status());
    ask_at_ = time_.now() + (got.has_value() ? fresh : after_silence);
    last_ = got.has_value() ? std::optional(*got) : std::nullopt;
    co_return last_;
}

} // namespace relay::app
