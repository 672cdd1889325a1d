#include "tests/simulation/watched_store.hpp"

#include <algorithm>
#include <utility>

namespace relay::simulation {
namespace {

namespace step = store::step;
using store::answer_to;
using store::any_answer;
using store::any_step;

constexpr std::size_t everything = 1'000'000;

// Tells the model what has become durable. What it knows nothing of, and what is told by durable_anew(), is passed over.
class durable {
public:
    durable(reference& model, const any_answer& answer) : model_(model), answer_(answer) {}

    template <class Step>
    void operator()(const Step& s) const
    {
        if (const auto& done = std::get<answer_to<Step>>(answer_); done.has_value())
            tell(s, done);
    }

private:
    template <class Step>
    void tell(const Step&, const answer_to<Step>&) const
    {
    }
    void tell(const step::admit& s, const result<store::admission>& found) const
    {
        if (std::holds_alternative<store::stored_now>(*found))
            model_.stored(s.command.command.id);
    }
    void tell(const step::begin& s, const result<void>&) const { model_.begun(s.id); }
    void tell(const step::retract& s, const result<void>&) const { model_.retracted(s.id); }
    void tell(const step::finish& s, const result<store::sequence>& seq) const
    {
        model_.finished(s.id, *seq, s.body);
    }
    void tell(const step::append& s, const result<store::sequence>& seq) const
    {
        model_.appended(s.command_id, *seq, s.body);
    }
    void tell(const step::acknowledge&, const result<store::sequence>& reached) const
    {
        model_.acknowledged(*reached);
    }
    void tell(const step::renew&, const result<store::identity>&) const { model_.renewed(); }

    reference& model_;
    const any_answer& answer_;
};

} // namespace

// A step that was asked for is carried out also where the one who asked goes away, in the order they were asked for.
task<any_answer> watched_store::carry_out(any_step s)
{
    if (crashed_)
        co_return store::not_done(s, errc::store_io);
    if (const auto* admit = std::get_if<step::admit>(&s))
        model_.admitting(admit->command.command.id);
    if (state_.hang > duration::zero())
        state_.hangs_until =
            std::max(state_.hangs_until, time_.now() + state_.hang); // others may hang already
    const auto takes = state_.latency + std::exchange(state_.hang, duration::zero());
    if (takes == duration::zero() && line_.empty() && !working_) {
        auto answer = co_await perform(std::move(s));
        co_return answer;
    }
    const auto mine = std::make_shared<errand>(executor_, std::move(s), time_.now() + takes);
    line_.push_back(mine);
    if (!std::exchange(working_, true))
        disk_.spawn(work());
    while (!mine->answer)
        if (const auto ec = co_await mine->done.wait())
            co_return store::not_done(mine->step, ec);
    co_return *std::move(mine->answer);
}

task<any_answer> watched_store::perform(any_step s)
{
    auto asked = s;
    auto answer = co_await behind_.carry_out(std::move(asked));
    const auto* anew = std::get_if<step::owe_again>(&s);
    if (!anew || store::error_of(answer)) {
        std::visit(durable(model_, answer), s);
        co_return answer;
    }
    const auto owed = co_await behind_.read(0, everything, everything);
    if (owed.has_error())
        co_return store::not_done(s, owed.error());
    std::vector<std::string> bodies;
    for (const auto& m : *owed)
        bodies.push_back(m.body);
    model_.owed_again(anew->held, bodies);
    co_return answer;
}

task<void> watched_store::work()
{
    while (!line_.empty() && !crashed_) {
        const auto next = line_.front(); // stays where it is while others queue up behind it
        co_await time_.sleep_for(next->due - time_.now());
        if (crashed_)
            break;
        auto asked = next->step;
        next->answer.emplace(co_await perform(std::move(asked)));
        next->done.notify();
        line_.pop_front();
    }
    line_.clear();
    working_ = false;
}

void watched_store::crash()
{
    crashed_ = true;
    for (const auto& e : line_) {
        e->answer.emplace(store::not_done(e->step, errc::store_io));
        e->done.notify();
    }
}

task<void> watched_store::stop()
{
    if (crashed_)
        disk_.stop();
    co_await disk_.join();
}

} // namespace relay::simulation
