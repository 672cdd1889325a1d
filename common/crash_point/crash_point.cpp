#include "common/crash_point/crash_point.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

namespace relay::detail {
namespace {

// What the environment asks for, read once.
class plan {
public:
    plan()
    {
        if (const char* at = std::getenv("RELAY_CRASH_AT")) {
            place_ = at;
            if (const auto colon = place_.find(':'); colon != place_.npos) {
                int visits = 1;
                std::from_chars(place_.data() + colon + 1, place_.data() + place_.size(), visits);
                visits_left_ = visits;
                place_.resize(colon);
            }
        }
        if (const char* file = std::getenv("RELAY_CRASH_LOG"))
            log_ = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }

    void visit(const std::string& place) noexcept
    {
        if (log_ >= 0) {
            const auto line = place + '\n';
            // A line is written whole or not at all: a test reads this after the kill.
            [[maybe_unused]] const auto written = ::write(log_, line.data(), line.size());
        }
        if (place != place_ || --visits_left_ != 0)
            return;
        ::kill(::getpid(), SIGKILL);
        for (;;)
            ::pause(); // whatever other threads still do, this one does nothing more
    }

private:
    std::string place_;
    std::atomic<int> visits_left_{1};
    int log_ = -1;
};

} // namespace

void reach(crash_step step, crash_moment moment) noexcept
{
    static plan asked;
    asked.visit(std::string(crash_steps[step.index()]) +
                (moment == crash_moment::before ? ".before" : ".after"));
}

} // namespace relay::detail
