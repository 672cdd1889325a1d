#include "tests/integration/status_page.hpp"

#include <boost/json/parse.hpp>

namespace relay::test {
namespace {

// The port that the agent's log names last.
std::uint16_t page_port(const relay_world& w)
{
    constexpr std::string_view mark = "status page: http://127.0.0.1:";
    std::string log;
    REQUIRE(eventually([&] { return (log = w.agent_log()).find(mark) != log.npos; }));
    return static_cast<std::uint16_t>(std::stoi(log.substr(log.rfind(mark) + mark.size())));
}

} // namespace

world_options with_page(bool start_agent)
{
    return {.config = {{"status.listen", "'127.0.0.1:0'"}},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = start_agent};
}

page::page(const relay_world& w) : port(page_port(w)) {}

relay::status::fetched page::ask(std::string_view path) const
{
    const auto got = relay::status::fetch({"127.0.0.1", port}, path, milliseconds(10'000) * slowness());
    INFO(path);
    REQUIRE(got.has_value());
    return *got;
}

json::value page::status() const
{
    return boost::json::parse(ask("/api/status").body);
}

double page::metric(const std::string& name) const
{
    const auto text = ask("/metrics").body;
    const auto found = text.find("\n" + name + " ");
    return found == text.npos ? -1 : std::stod(text.substr(found + name.size() + 2));
}

} // namespace relay::test
