// The metrics of the running agent (INTERFACE.md, "Local HTTP"), and what an administrator is given to watch them with.
#include "tests/integration/status_page.hpp"

#include "agent/commands/catalog.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

using namespace relay::test;

namespace {

using names = std::set<std::string>;

struct sample_set {
    names labels;
    std::map<std::string, names> values; // by label
};

struct exposed {
    std::map<std::string, std::string> types; // of families
    std::map<std::string, sample_set> series; // by name as it stands there: with _bucket, _sum, _count
};

// label="value" and label=~"value" of what stands between braces.
std::map<std::string, std::string> labels_of(const std::string& braces)
{
    static const std::regex label(R"re(([a-z_]+)(=|=~|!=|!~)"((\\.|[^"\\])*)")re");
    std::map<std::string, std::string> found;
    for (std::sregex_iterator i(braces.begin(), braces.end(), label), end; i != end; ++i)
        found[(*i)[1]] = (*i)[3];
    return found;
}

exposed read_metrics(const std::string& text)
{
    static const std::regex sample(R"re(([a-z_]+)(\{.*\})? ([^ ]+))re");
    exposed all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::smatch parts;
        if (line.starts_with("# TYPE ")) {
            const auto space = line.find(' ', 7);
            all.types[line.substr(7, space - 7)] = line.substr(space + 1);
        } else if (!line.starts_with("# HELP ")) {
            INFO(line);
            REQUIRE(std::regex_match(line, parts, sample));
            auto& s = all.series[parts[1]];
            for (const auto& [name, value] : labels_of(parts[2])) {
                s.labels.insert(name);
                s.values[name].insert(value);
            }
        }
    }
    return all;
}

std::string contents(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    REQUIRE_FALSE(text.empty());
    return text;
}

// Every "expr" of a dashboard.
void collect_expressions(const json::value& v, std::string& to)
{
    if (const auto* list = v.if_array())
        for (const auto& entry : *list)
            collect_expressions(entry, to);
    if (const auto* object = v.if_object()) {
        for (const auto& [key, value] : *object) {
            if ((key == "expr" || key == "definition") && value.is_string())
                to += std::string(value.get_string()) + "\n";
            else
                collect_expressions(value, to);
        }
    }
}

// The agent has carried out a bit of everything.
std::string metrics_of_a_day(scenario& w, const page& p)
{
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "conflict");
    CHECK(outcome(w.call("event.paint", host, {})) == "unsupported_operation");
    return p.ask("/metrics").body;
}

} // namespace

TEST_CASE("each metric of the contract is there, with its type and its labels", "[integration]")
{
    scenario w(with_page());
    const auto all = read_metrics(metrics_of_a_day(w, page(w)));
    const auto has = [&](const std::string& name, const std::string& type, const names& labels) {
        INFO(name);
        REQUIRE(all.types.contains(name));
        CHECK(all.types.at(name) == type);
        if (type == "histogram") {
            auto with_bound = labels;
            with_bound.insert("le");
            CHECK(all.series.at(name + "_bucket").labels == with_bound);
            CHECK(all.series.at(name + "_bucket").values.at("le").contains("+Inf"));
            CHECK(all.series.at(name + "_sum").labels == labels);
            CHECK(all.series.at(name + "_count").labels == labels);
        } else {
            CHECK(all.series.at(name).labels == labels);
        }
    };
    has("workestra_relay_link_up", "gauge", {});
    has("workestra_relay_commands_total", "counter", {"op", "outcome"});
    has("workestra_relay_command_seconds", "histogram", {"op"});
    has("workestra_relay_exchange_requests_total", "counter", {"operation", "outcome"});
    has("workestra_relay_exchange_request_seconds", "histogram", {});
    has("workestra_relay_queue_commands", "gauge", {});
    has("workestra_relay_results_unacked", "gauge", {});
    has("workestra_relay_reconnects_total", "counter", {});
    has("workestra_relay_certificate_expiry_timestamp_seconds", "gauge", {});
    has("process_cpu_seconds_total", "counter", {});
    has("process_start_time_seconds", "gauge", {});
    has("process_resident_memory_bytes", "gauge", {});

    const auto& commands = all.series.at("workestra_relay_commands_total").values;
    names ops;
    for (const auto& o : relay::commands::catalog().rows())
        ops.emplace(o.name);
    ops.insert("unknown");
    CHECK(commands.at("op") == ops);
    CHECK(commands.at("outcome") == names{"ok", "conflict", "unsupported_operation"});
    const auto& requests = all.series.at("workestra_relay_exchange_requests_total").values;
    CHECK(requests.at("operation").contains("CreateItem"));
    CHECK(requests.at("outcome") == names{"ok"});
}

TEST_CASE("the dashboard and the alerts ask for metrics and labels that the agent has", "[integration]")
{
    scenario w(with_page());
    const auto all = read_metrics(metrics_of_a_day(w, page(w)));
    std::string asked = contents(fs::path(RELAY_INSTALLER) / "prometheus/workestra-relay.rules.yml");
    collect_expressions(
        boost::json::parse(contents(fs::path(RELAY_INSTALLER) / "grafana/workestra-relay.json")), asked);

    static const std::regex use(R"((workestra_relay_[a-z_]+|process_[a-z_]+)(\{[^}]*\})?)");
    names used;
    for (std::sregex_iterator i(asked.begin(), asked.end(), use), end; i != end; ++i) {
        const auto name = (*i)[1].str();
        INFO(i->str());
        used.insert(name);
        REQUIRE(all.series.contains(name));
        const auto& series = all.series.at(name);
        for (const auto& [label, value] : labels_of((*i)[2])) {
            if (label == "instance" || label == "job")
                continue; // Prometheus gives those
            CHECK(series.labels.contains(label));
            if (label == "op") {
                const std::regex ops(std::regex_replace(value, std::regex(R"(\\\\)"), R"(\)"));
                const auto& known = series.values.at("op");
                CHECK(std::any_of(known.begin(), known.end(),
                                  [&](const auto& op) { return std::regex_match(op, ops); }));
            }
        }
    }
    for (const auto& [family, type] : all.types) // what the agent tells is shown
        if (family.starts_with("workestra_relay_")) {
            INFO(family);
            CHECK((used.contains(family) || used.contains(family + "_bucket")));
        }
}

#ifdef RELAY_PROMTOOL
TEST_CASE("promtool finds nothing wrong with the metrics of the running agent", "[integration]")
{
    scenario w(with_page());
    const auto file = w.folder() / "metrics.txt";
    std::ofstream(file) << metrics_of_a_day(w, page(w));
    const auto e =
        run_to_end("/bin/sh", {"-c", "'" RELAY_PROMTOOL "' check metrics < '" + file.string() + "' 2>&1"});
    INFO(e.out);
    CHECK(e.code == 0);
}
#endif
