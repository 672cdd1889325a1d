// relay-chaos: random commands and random trouble, in rounds, in several worlds at once; after each round
// everything heals and the ledgers are held against each other. Exit 0 where nothing was wrong, 1 otherwise,
// 2 for wrong usage.
#include "tests/chaos/riot.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>

namespace {

using namespace relay::chaos;
namespace json = boost::json;

constexpr int most_times = 10;    // the faults that were asked for
constexpr int rounds_a_world = 6; // then the lists that its stand-ins give out are long

struct options {
    std::uint64_t seed = 0;
    int faults = 1000, jobs = 4, round = 60;
    std::string json_file;
    std::vector<std::string> without;
    bool every_kind = false;
};

// Shared by the threads.
class chaos {
public:
    explicit chaos(options o) : options_(std::move(o)) {}

    int run()
    {
        fmt::print("seed {}: {} faults, {} worlds at a time\n", options_.seed, options_.faults,
                   options_.jobs);
        std::fflush(stdout);
        begun_ = std::chrono::steady_clock::now();
        relay::test::development_pki();
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < options_.jobs; ++i)
                threads.emplace_back([this, i] { work(i); });
        }
        return report();
    }

private:
    void work(int number)
    {
        for (int world = 1; !over_; ++world) {
            // Each world has decisions of its own, whichever thread plays it.
            std::optional<riot> r;
            try {
                r.emplace(fmt::format("w{}-{}", number, world),
                          options_.seed * 1'000'003 + static_cast<std::uint64_t>(number) * 1'009 +
                              static_cast<std::uint64_t>(world),
                          std::set(options_.without.begin(), options_.without.end()));
                for (int round = 1; round <= rounds_a_world && !over_; ++round)
                    if (!play(*r, world, round))
                        return;
            } catch (const std::exception& e) {
                failed(r ? &*r : nullptr, world, 0, {e.what()});
                return;
            }
        }
    }

    bool play(riot& r, int world, int round)
    {
        const auto faults_before = r.faults();
        const auto commands_before = r.commands();
        const auto kinds_before = r.by_kind();
        const auto wrong = r.round(options_.round);
        {
            const std::lock_guard hold(lock_);
            faults_ += r.faults() - faults_before;
            commands_ += r.commands() - commands_before;
            for (const auto& [kind, n] : r.by_kind()) {
                const auto before = kinds_before.find(kind);
                by_kind_[kind] += n - (before == kinds_before.end() ? 0 : before->second);
            }
            ++rounds_;
            over_ = over_ || enough();
            if (rounds_ % 10 == 0)
                fmt::print("{} faults, {} commands, {} rounds, {:.0f} faults a minute\n", faults_, commands_,
                           rounds_, faults_ / minutes());
            std::fflush(stdout);
        }
        if (!wrong.empty())
            failed(&r, world, round, wrong);
        return wrong.empty();
    }

    // What the dice draw also depends on what takes how long: a kind that is still missing gets further rounds.
    bool enough() const
    {
        const bool missing = options_.every_kind && !never().empty();
        return (missing ? faults_ / most_times : faults_) >= options_.faults;
    }

    std::vector<std::string> never() const
    {
        return riot::never(by_kind_, {options_.without.begin(), options_.without.end()});
    }

    void failed(riot* r, int world, int round, const std::vector<std::string>& wrong)
    {
        std::string timeline, kept;
        if (r)
            try {
                timeline = r->where().timeline();
                kept = r->where().keep().string();
            } catch (const std::exception& e) {
                timeline += std::string("(the timeline broke off: ") + e.what() + ")\n";
            }
        const std::lock_guard hold(lock_);
        over_ = true;
        failures_.push_back({{"world", world},
                             {"round", round},
                             {"wrong", json::array(wrong.begin(), wrong.end())},
                             {"timeline", timeline},
                             {"kept", kept}});
        fmt::print("\nFAILED: seed {}, world {}, round {}\n", options_.seed, world, round);
        for (const auto& w : wrong)
            fmt::print("  {}\n", w);
        fmt::print("  kept: {}\n{}", kept, timeline);
        std::fflush(stdout);
    }

    double minutes() const
    {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count() / 60;
    }

    int report()
    {
        const auto missing = never();
        const bool whole = missing.empty() || !options_.every_kind;
        for (const auto& name : missing)
            fmt::print("{:>8} {}\n", "never", name);
        for (const auto& [kind, n] : by_kind_)
            fmt::print("{:>8} {}\n", n, kind);
        fmt::print("seed {}: {} faults, {} commands, {} rounds in {:.1f} min ({:.0f} faults a minute): {}\n",
                   options_.seed, faults_, commands_, rounds_, minutes(), faults_ / minutes(),
                   failures_.empty() ? "nothing lost, nothing twice" : "FAILED");
        if (!options_.json_file.empty())
            std::ofstream(options_.json_file) << json::serialize(json::object{{"seed", options_.seed},
                                                                              {"faults", faults_},
                                                                              {"commands", commands_},
                                                                              {"rounds", rounds_},
                                                                              {"minutes", minutes()},
                                                                              {"failed", failures_}})
                                              << '\n';
        return failures_.empty() && whole ? 0 : 1;
    }

    const options options_;
    std::chrono::steady_clock::time_point begun_;
    std::atomic<bool> over_ = false;

    std::mutex lock_; // for all below
    int faults_ = 0, rounds_ = 0;
    std::size_t commands_ = 0;
    std::map<std::string, int> by_kind_;
    json::array failures_;
};

} // namespace

int main(int argc, char** argv)
{
    options o;
    o.seed = std::random_device{}();
    CLI::App app("Random commands and random trouble for the agent, in rounds; checks after each that "
                 "nothing was lost or done twice.");
    app.add_option("--seed", o.seed, "the decisions follow it (else random, and printed)");
    app.add_option("--faults", o.faults, "ends after that many")
        ->check(CLI::Range(1, 100'000'000))
        ->capture_default_str();
    app.add_option("--jobs", o.jobs, "worlds at a time")->check(CLI::Range(1, 64))->capture_default_str();
    app.add_option("--round", o.round, "faults in a round")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app.add_flag("--every-kind", o.every_kind,
                 "goes on until each kind of trouble was caused, for ten times the faults at most");
    app.add_option("--without", o.without, "a family of trouble that is left out, to look at the others")
        ->check(CLI::IsMember(riot::families()));
    app.add_option("--json", o.json_file, "writes a report to this file");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        return chaos(o).run();
    } catch (const std::exception& e) {
        fmt::print(stderr, "relay-chaos: {}\n", e.what());
        return 1;
    }
}
