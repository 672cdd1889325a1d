#include "common/time/machine_time.hpp"

#include "common/time/machine_clocks.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <list>
#include <optional>

namespace relay {
namespace asio = boost::asio;

namespace {

// A longer wait is cut into pieces: no sum of times overflows.
constexpr duration longest_wait = std::chrono::hours(24 * 366 * 50);

} // namespace

class machine_time::state : public std::enable_shared_from_this<state> {
public:
    explicit state(clocks read) : read_(std::move(read)) { now(); }

    struct sleeper {
        steady_time until;
        asio::steady_timer timer;
        bool look_again = false; // its wait was cut short, as the time has jumped
    };
    using place = std::list<sleeper>::iterator;

    // Keeps a sleeper in the list as long as it sleeps, and the look-out going as long as anybody does.
    class stay {
    public:
        stay(std::shared_ptr<state> s, const asio::any_io_executor& executor, steady_time until)
            : state_(std::move(s)),
              place_(state_->sleepers_.insert(state_->sleepers_.end(),
                                              sleeper{until, asio::steady_timer(executor)}))
        {
            if (!state_->look_out_)
                state_->watch(executor);
        }
        ~stay()
        {
            state_->sleepers_.erase(place_);
            if (state_->sleepers_.empty())
                state_->look_out_.reset(); // a loop without work ends
        }
        stay(const stay&) = delete;
        stay& operator=(const stay&) = delete;

        sleeper& operator*() const { return *place_; }

    private:
        std::shared_ptr<state> state_;
        place place_;
    };

    steady_time now()
    {
        const auto readings = read_();
        running_ = readings.running;
        return clock_.at(readings);
    }
    std::uint64_t jumps()
    {
        now();
        return clock_.jumps();
    }

    std::function<void(duration)> told;

private:
    void watch(const asio::any_io_executor& executor)
    {
        seen_jumps_ = jumps();
        seen_ahead_ = now().time_since_epoch() - running_;
        look_out_.emplace(executor);
        look_later();
    }

    void look_later()
    {
        look_out_->expires_after(look_interval);
        look_out_->async_wait([weak = weak_from_this()](const error_code& ec) {
            const auto self = weak.lock();
            if (ec || !self || !self->look_out_)
                return;
            self->look();
            self->look_later();
        });
    }

    void look()
    {
        const auto present = now();
        if (clock_.jumps() == seen_jumps_)
            return;
        seen_jumps_ = clock_.jumps();
        const auto ahead = present.time_since_epoch() - running_;
        const auto by = ahead - seen_ahead_;
        seen_ahead_ = ahead;
        for (auto& s : sleepers_) {
            s.look_again = true;
            s.timer.cancel();
        }
        if (told)
            told(by);
    }

    clocks read_;
    elapsed_clock clock_;
    duration running_{0}; // by the last reading
    std::list<sleeper> sleepers_;
    std::optional<asio::steady_timer> look_out_; // set while somebody sleeps
    std::uint64_t seen_jumps_ = 0;
    duration seen_ahead_{0}; // of the running clock
};

machine_time::machine_time() : machine_time(&read_machine_clocks) {}

machine_time::machine_time(clocks read) : state_(std::make_shared<state>(std::move(read))) {}

machine_time::~machine_time() = default;

steady_time machine_time::now() const
{
    return state_->now();
}

std::uint64_t machine_time::jumps() const
{
    return state_->jumps();
}

void machine_time::on_jump(std::function<void(duration)> told)
{
    state_->told = std::move(told);
}

asio::awaitable<error_code> machine_time::sleep_for(duration length)
{
    const auto kept = state_;
    const auto executor = co_await asio::this_coro::executor;
    const auto until = kept->now() + std::min(length, longest_wait);
    const state::stay here(kept, executor, until);
    auto& me = *here;
    for (bool first = true;; first = false) {
        const auto left = until - kept->now();
        if (left <= duration::zero() && !first)
            co_return error_code{};
        me.look_again = false;
        me.timer.expires_after(std::max(duration::zero(), left));
        const auto [ec] = co_await me.timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto ours = co_await asio::this_coro::cancellation_state;
        if (ec && (!me.look_again || ours.cancelled() != asio::cancellation_type::none))
            co_return ec;
    }
}

} // namespace relay
