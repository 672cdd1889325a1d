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
#include <map>
#include <optional>

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

// What was broken, without the names and numbers that differ from list to list.
std::string kind_of(const std::string& rule)
{
    const auto after_name = rule.find(": ");
    auto text = after_name == rule.npos ? rule : rule.substr(after_name + 2);
    std::string general;
    for (const char c : text)
        if (c < '0' || c > '9')
            general += c;
        else if (!general.ends_with('N'))
            general += 'N';
    return general;
}

void tell(runner& r, const scenario& s, const breach& b)
{
    fmt::print(stderr, "seed {}: {}\n  after {} of {} actions; shrinking…\n", s.seed, b.rule, b.after,
               s.actions.size());
    const auto least = shrink(s, [&](const scenario& candidate) {
        const auto broken = r.play(candidate);
        return broken && kind_of(broken->rule) == kind_of(b.rule);
    });
    fmt::print(stderr, "  heartbeat {} s; {} actions are enough:\n", least.heartbeat.count(),
               least.actions.size());
    r.show(least);
}

// How often each kind of rule was broken, and by which list first.
class tally {
public:
    void add(std::uint64_t seed, const std::string& rule)
    {
        auto& t = kinds_.try_emplace(kind_of(rule), entry{seed, 0}).first->second;
        ++t.times;
    }
    void print() const
    {
        for (const auto& [kind, t] : kinds_)
            fmt::print("{:6} times, first by seed {:6}: {}\n", t.times, t.first, kind);
    }

private:
    struct entry {
        std::uint64_t first;
        int times;
    };
    std::map<std::string, entry> kinds_;
};

} // namespace

int main(int argc, char** argv)
{
    std::uint64_t seed = 1, lists = 1'000;
    int most_breaches = 1;
    bool log = false, show = false, count = false;
    CLI::App app("Checks the queue of the agent against a reference model, with random lists of actions in "
                 "virtual time.");
    app.add_option("--seed", seed, "of the first list; the next one has the next seed")
        ->capture_default_str();
    app.add_option("--lists", lists, "how many")->capture_default_str();
    app.add_option("--breaches", most_breaches, "stop after so many lists that broke a rule")
        ->capture_default_str();
    app.add_flag("--show", show, "print each list as it is played");
    app.add_flag("--log", log, "print the agent's log with a list that is shown");
    app.add_flag("--tally", count,
                 "play all lists, shrink none, and count which rules were broken how often");
    std::optional<family> about;
    const std::map<std::string, family> families{{"clock", family::clock},
                                                 {"store", family::store},
                                                 {"backup", family::backup},
                                                 {"people", family::people},
                                                 {"exchange", family::exchange}};
    app.add_option("--about", about, "only lists about one kind of mishap")
        ->transform(CLI::CheckedTransformer(families));
    CLI11_PARSE(app, argc, argv);

    const auto began = std::chrono::steady_clock::now();
    runner r(log);
    std::uint64_t played = 0;
    int breaches = 0;
    tally broken_rules;
    for (; played < lists && (count || breaches < most_breaches); ++played) {
        const auto s = random_scenario(seed + played, about);
        if (show) {
            fmt::print(stderr, "seed {}, heartbeat {} s\n", s.seed, s.heartbeat.count());
            r.show(s);
        }
        if (const auto broken = r.play(s)) {
            ++breaches;
            if (count)
                broken_rules.add(s.seed, broken->rule);
            else
                tell(r, s, *broken);
        }
    }
    broken_rules.print();
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    fmt::print("{} lists from seed {}: {} broke a rule; {:.1f} s, {:.2f} ms a list\n", played, seed, breaches,
               took, 1000 * took / static_cast<double>(std::max<std::uint64_t>(1, played)));
    return breaches == 0 ? 0 : 1;
}
