// relay-model: random lists of actions against the reference model. A list that breaks a rule is shrunk and
// printed.
#include "tests/simulation/shrink.hpp"
#include "tests/simulation/world.hpp"
#include "tests/support/temporary_folder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <cstdio>

namespace {

using namespace relay::simulation;

// Where the queue files of the lists lie: in memory where the system offers that.
std::filesystem::path memory_folder()
{
    const std::filesystem::path shm = "/dev/shm";
    std::error_code ec;
    return std::filesystem::is_directory(shm, ec) ? shm : std::filesystem::temp_directory_path();
}

class runner {
public:
    explicit runner(bool log)
        : log_("model", std::make_shared<spdlog::sinks::stderr_sink_st>()),
          scratch_(memory_folder())
    {
        log_.set_pattern("      %l %v");
        log_.set_level(spdlog::level::off);
        detail_ = log ? spdlog::level::debug : spdlog::level::off;
    }

    std::optional<breach> play(const scenario& s) { return world(s, scratch_.path(), log_).play(); }

    // Plays it once more, in full view.
    void show(const scenario& s)
    {
        log_.set_level(detail_);
        world w(s, scratch_.path(), log_);
        w.watch = [](std::size_t, const action& a) { fmt::print(stderr, "    {}\n", to_string(a)); };
        const auto broken = w.play();
        fmt::print(stderr, "    => {}\n", broken ? broken->rule : "every rule held");
        log_.set_level(spdlog::level::off);
    }

private:
    spdlog::logger log_;
    spdlog::level::level_enum detail_;
    relay::test::temporary_folder scratch_;
};

void tell(runner& r, const scenario& s, const breach& b)
{
    fmt::print(stderr, "seed {}: {}\n  after {} of {} actions; shrinking…\n", s.seed, b.rule, b.after,
               s.actions.size());
    const auto least = shrink(s, [&](const scenario& candidate) { return r.play(candidate).has_value(); });
    fmt::print(stderr, "  heartbeat {} s; {} actions are enough:\n", least.heartbeat.count(),
               least.actions.size());
    r.show(least);
}

} // namespace

int main(int argc, char** argv)
{
    std::uint64_t seed = 1, lists = 1'000;
    int most_breaches = 1;
    bool log = false, show = false;
    CLI::App app("Checks the queue of the agent against a reference model, with random lists of actions in "
                 "virtual time.");
    app.add_option("--seed", seed, "of the first list; the next one has the next seed")
        ->capture_default_str();
    app.add_option("--lists", lists, "how many")->capture_default_str();
    app.add_option("--breaches", most_breaches, "stop after so many lists that broke a rule")
        ->capture_default_str();
    app.add_flag("--show", show, "print each list as it is played");
    app.add_flag("--log", log, "print the agent's log with a list that is shown");
    CLI11_PARSE(app, argc, argv);

    const auto began = std::chrono::steady_clock::now();
    runner r(log);
    std::uint64_t played = 0;
    int breaches = 0;
    for (; played < lists && breaches < most_breaches; ++played) {
        const auto s = random_scenario(seed + played);
        if (show) {
            fmt::print(stderr, "seed {}, heartbeat {} s\n", s.seed, s.heartbeat.count());
            r.show(s);
        }
        if (const auto broken = r.play(s)) {
            ++breaches;
            tell(r, s, *broken);
        }
    }
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    fmt::print("{} lists from seed {}: {} broke a rule; {:.1f} s, {:.2f} ms a list\n", played, seed, breaches,
               took, 1000 * took / static_cast<double>(std::max<std::uint64_t>(1, played)));
    return breaches == 0 ? 0 : 1;
}
