// relay-sweep: kills the agent at every place where what is true changes, restarts it, and checks that
// nothing is lost and nothing is done twice. Exit 0 where every case held and every place was died at; 1
// otherwise; 2 for wrong usage.
#include "tests/chaos/cases.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

namespace {

using namespace relay::chaos;
namespace json = boost::json;

constexpr int cases_a_world = 40; // then the lists that its stand-ins give out are long
constexpr auto heal_limit = 40s;

struct options {
    int jobs = 4;
    bool reduced = false;
    std::string only, json_file;
};

struct failure {
    std::string name, timeline, kept;
    std::vector<std::string> wrong;
};

// Shared by the threads.
class sweep {
public:
    explicit sweep(options o) : options_(std::move(o)), cases_(sweep_cases(options_.reduced))
    {
        std::erase_if(cases_, [&](const auto& c) { return c.name.find(options_.only) == c.name.npos; });
        for (const auto& place : all_places())
            deaths_[place] = 0;
    }

    int run()
    {
        const auto begun = std::chrono::steady_clock::now();
        relay::test::development_pki();
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < std::min<int>(options_.jobs, static_cast<int>(cases_.size())); ++i)
                threads.emplace_back([this, i] { work(i); });
        }
        seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        return report();
    }

private:
    void work(int number)
    {
        std::optional<lab> mine;
        int done = 0, worlds = 0;
        for (;;) {
            const sweep_case* c = nullptr;
            {
                const std::lock_guard hold(lock_);
                if (next_ == cases_.size())
                    break;
                c = &cases_[next_++];
            }
            bool sound = false;
            try {
                if (!mine)
                    mine.emplace(fmt::format("s{}-{}", number, ++worlds),
                                 relay::test::world_options{.config = quick_settings(),
                                                            .exchange_arguments = {},
                                                            .cloud_arguments = {},
                                                            .environment = {},
                                                            .start_agent = true});
                sound = play(*mine, *c);
            } catch (const std::exception& e) {
                failed(*c, {e.what()}, mine ? &*mine : nullptr);
            }
            progress();
            if (!sound || c->stores > 1 || ++done % cases_a_world == 0)
                retire(mine);
        }
        retire(mine);
    }

    bool play(lab& l, const sweep_case& c)
    {
        l.note("case: " + c.name);
        const bool died = c.road(l);
        std::vector<std::string> wrong;
        if (!died && l.running() == false)
            wrong.push_back("the agent ended by itself");
        l.world().cloud().put("/behaviour", {{"no_welcome", false}});
        if (!died && l.running())
            l.kill("the place was not reached");
        if (!l.heal(heal_limit))
            wrong.push_back("not all commands have a result");
        l.world().faults({});
        const auto found = l.verdict(c.stores);
        wrong.insert(wrong.end(), found.begin(), found.end());
        if (!l.stop())
            wrong.push_back("the agent did not stop in order");
        {
            const std::lock_guard hold(lock_);
            if (died)
                ++deaths_[c.place];
            else
                missed_.push_back(c.name);
        }
        if (!wrong.empty())
            failed(c, wrong, &l);
        return wrong.empty();
    }

    void failed(const sweep_case& c, std::vector<std::string> wrong, lab* l)
    {
        failure f{c.name, {}, {}, std::move(wrong)};
        if (l)
            try {
                f.timeline = l->timeline();
                f.kept = l->keep().string();
            } catch (const std::exception& e) {
                f.timeline += std::string("(the timeline broke off: ") + e.what() + ")\n";
            }
        const std::lock_guard hold(lock_);
        fmt::print("\nFAILED {}\n", f.name);
        for (const auto& w : f.wrong)
            fmt::print("  {}\n", w);
        fmt::print("  kept: {}\n{}", f.kept, f.timeline);
        failures_.push_back(std::move(f));
    }

    void retire(std::optional<lab>& l)
    {
        if (!l)
            return;
        std::ifstream visits(l->world().folder() / "visits");
        {
            const std::lock_guard hold(lock_);
            for (std::string place; std::getline(visits, place);)
                ++visits_[place];
        }
        l.reset();
    }

    void progress()
    {
        const std::lock_guard hold(lock_);
        ++done_;
        if (done_ % 20 == 0 || done_ == cases_.size()) {
            fmt::print("{} of {} cases, {} failed\n", done_, cases_.size(), failures_.size());
            std::fflush(stdout);
        }
    }

    int report()
    {
        fmt::print("\n{:<26}{:>10}{:>8}\n", "place", "visits", "deaths");
        std::vector<std::string> never;
        json::array places;
        for (const auto& place : all_places()) {
            fmt::print("{:<26}{:>10}{:>8}\n", place, visits_[place], deaths_[place]);
            places.push_back({{"place", place}, {"visits", visits_[place]}, {"deaths", deaths_[place]}});
            if (deaths_[place] == 0)
                never.push_back(place);
        }
        const bool whole = options_.only.empty();
        for (const auto& m : missed_)
            fmt::print("not reached: {}\n", m);
        if (whole)
            for (const auto& place : never)
                fmt::print("NEVER DIED AT {}\n", place);
        fmt::print("{} cases in {:.0f} s: {} failed, {} did not reach their place, {} places never died at\n",
                   cases_.size(), seconds_, failures_.size(), missed_.size(), never.size());
        if (!options_.json_file.empty())
            write_json(std::move(places));
        return failures_.empty() && (!whole || never.empty()) ? 0 : 1;
    }

    void write_json(json::array places) const
    {
        json::array failed, missed;
        for (const auto& f : failures_)
            failed.push_back({{"case", f.name},
                              {"wrong", json::array(f.wrong.begin(), f.wrong.end())},
                              {"timeline", f.timeline},
                              {"kept", f.kept}});
        for (const auto& m : missed_)
            missed.push_back(json::string(m));
        std::ofstream(options_.json_file) << json::serialize(json::object{{"cases", cases_.size()},
                                                                          {"seconds", seconds_},
                                                                          {"failed", failed},
                                                                          {"not_reached", missed},
                                                                          {"places", places}})
                                          << '\n';
    }

    const options options_;
    std::vector<sweep_case> cases_;
    double seconds_ = 0;

    std::mutex lock_; // for all below
    std::size_t next_ = 0, done_ = 0;
    std::map<std::string, long> deaths_, visits_;
    std::vector<std::string> missed_;
    std::vector<failure> failures_;
};

} // namespace

int main(int argc, char** argv)
{
    options o;
    CLI::App app(
        "Kills the agent at every place where what is true changes, and checks what it makes of that.");
    app.add_option("--jobs", o.jobs, "worlds at a time")->check(CLI::Range(1, 64))->capture_default_str();
    app.add_flag("--reduced", o.reduced, "every place, but kinds of writes and faults take turns");
    app.add_option("--only", o.only, "cases whose name holds this");
    app.add_option("--json", o.json_file, "writes a report to this file");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        return sweep(o).run();
    } catch (const std::exception& e) {
        fmt::print(stderr, "relay-sweep: {}\n", e.what());
        return 1;
    }
}
