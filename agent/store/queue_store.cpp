#include "agent/store/queue_store.hpp"

namespace relay::store {
namespace {

// An acknowledgement of many messages goes in steps, so that other calls get their turn between.
constexpr std::int64_t acknowledged_a_step = 1'000;

} // namespace

error_code error_of(const any_answer& a) noexcept
{
    return std::visit([](const auto& one) { return one.has_error() ? one.error() : error_code(); }, a);
}

any_answer not_done(const any_step& s, error_code why)
{
    return std::visit(
        [why]<class Step>(const Step&) {
            return any_answer(std::in_place_type<answer_to<Step>>, boost::system::in_place_error, why);
        },
        s);
}

// Each step is a whole acknowledgement of a lower seq: a crash between two leaves nothing half done.
task<result<void>> queue_store::acknowledge(sequence seq)
{
    for (sequence before = -1;;) {
        const step::acknowledge some{seq, acknowledged_a_step};
        const auto reached = co_await run(some);
        if (reached.has_error())
            co_return reached.error();
        if (*reached >= seq || *reached == before)
            co_return result<void>();
        before = *reached;
    }
}

} // namespace relay::store
