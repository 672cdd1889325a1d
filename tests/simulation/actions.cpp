#include "tests/simulation/actions.hpp"

#include <fmt/format.h>

namespace relay::simulation {
namespace {

std::string length_of(milliseconds ms)
{
    if (ms < 0ms)
        return "-" + length_of(-ms);
    const auto n = ms.count();
    if (n >= 3'600'000 && n % 3'600'000 == 0)
        return fmt::format("{} h", n / 3'600'000);
    if (n >= 60'000 && n % 60'000 == 0)
        return fmt::format("{} min", n / 60'000);
    if (n >= 1'000 && n % 1'000 == 0)
        return fmt::format("{} s", n / 1'000);
    return fmt::format("{} ms", n);
}

} // namespace

std::string to_string(const action& a)
{
    using what = action::what;
    switch (a.type) {
    case what::send:
        return fmt::format("send {} {} {}/{} ttl {}{}{}", a.command.id, name(a.command.what),
                           a.command.mailbox, a.command.event, length_of(a.command.ttl),
                           a.command.redelivered ? " redelivered" : "",
                           a.elsewhere ? ", done by another agent" : "");
    case what::repeat:
        return fmt::format("send c-{} again", a.number);
    case what::reuse:
        return fmt::format("send the id c-{} with other content", a.number);
    case what::cancel:
        return fmt::format("cancel c-{}", a.number);
    case what::flood:
        return fmt::format("send {} reads at once", a.number);
    case what::pass:
        return a.length == 0ms ? "let everything settle" : fmt::format("let {} pass", length_of(a.length));
    case what::step:
        return fmt::format("let the agent do {} steps", a.number);
    case what::cut:
        return "cut the link";
    case what::half_open:
        return "let the link go dumb";
    case what::network: {
        constexpr std::string_view names[] = {"takes calls", "refuses calls", "lets calls hang",
                                              "rejects the agent"};
        return fmt::format("the cloud {} from now on", names[static_cast<std::size_t>(a.network)]);
    }
    case what::latency:
        return fmt::format("frames take {} from now on", length_of(a.length));
    case what::drain:
        return fmt::format("the cloud drains the link, for {}", length_of(a.length));
    case what::withhold:
        return "the cloud withholds its acks";
    case what::release:
        return "the cloud acks again";
    case what::stop:
        return fmt::format("stop the agent in order, start it after {}", length_of(a.length));
    case what::kill:
        return fmt::format("kill the agent, start it after {}", length_of(a.length));
    case what::disk:
        return fmt::format("each call of the store takes {} from now on", length_of(a.length));
    case what::hang:
        return fmt::format("the next call of the store hangs for {}", length_of(a.length));
    case what::freeze:
        return fmt::format("the process stands still for {}", length_of(a.length));
    case what::suspend:
        return fmt::format("the machine sleeps for {}", length_of(a.length));
    case what::wall_clock:
        return fmt::format("the wall clock jumps by {}", length_of(a.length));
    case what::give_away:
        return fmt::format("give c-{} to another agent if its time is over", a.number);
    case what::keep:
        return "keep a copy of the queue file";
    case what::put_back:
        return fmt::format("kill the agent, put the copy back, start it after {}", length_of(a.length));
    case what::lose:
        return fmt::format("kill the agent, lose its queue, start it after {}", length_of(a.length));
    case what::keep_cloud:
        return "the cloud makes a backup";
    case what::put_back_cloud:
        return "the cloud is put back to its backup";
    case what::by_hand:
        return fmt::format("the owner {} {}/{}", name(a.deed), a.command.mailbox, a.command.event);
    case what::write_mishap:
        return fmt::format("the next write meets: {} {}{}", name(a.trouble.what), length_of(a.trouble.length),
                           a.trouble.code);
    case what::read_mishap:
        return fmt::format("the next read meets: {} {}", name(a.trouble.what), length_of(a.trouble.length));
    case what::mood:
        return fmt::format("every request meets from now on: {} {}", name(a.trouble.what),
                           length_of(a.trouble.length));
    case what::week:
        return "in the end: wait until history is over";
    }
    return {};
}

} // namespace relay::simulation
