// What libcurl does with its sockets, and what the driver knows of it.
#include "agent/http/curl_driver.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <curl/curl.h>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace relay;
using tcp = asio::ip::tcp;

namespace {

// Takes no connection any more: those that wait fill its queue.
struct silent_port {
    explicit silent_port(asio::io_context& context)
        : port(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0))
    {
        port.listen(0);
        for (int i = 0; i < 4; ++i) {
            waiting.emplace_back(context, tcp::v4());
            waiting.back().async_connect(port.local_endpoint(), [](const error_code&) {});
        }
    }
    std::string url() const
    {
        return "http://127.0.0.1:" + std::to_string(port.local_endpoint().port()) + '/';
    }

    tcp::acceptor port;
    std::vector<tcp::socket> waiting;
};

std::ptrdiff_t open_files()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

} // namespace

TEST_CASE("a connection that is given up while it connects leaves no socket behind", "[unit][http]")
{
    asio::io_context context;
    const silent_port port(context);
    http::curl_driver driver(context.get_executor());
    auto* const easy = curl_easy_init();
    const auto url = port.url();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    driver.equip(easy);
    const auto before = open_files();
    const bool cut = GENERATE(false, true);
    if (!cut)
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 30L);
    std::optional<int> code;
    asio::co_spawn(
        context, [&]() -> task<void> { code = co_await driver.run(easy); }, asio::detached);
    context.run_for(20ms);
    CHECK(driver.connected());
    if (cut)
        driver.cut();
    context.run_for(100ms);
    CHECK(driver.was_cut() == cut);
    CHECK(code.has_value() != cut);
    CHECK_FALSE(driver.connected());
    CHECK(open_files() == before);
    curl_easy_cleanup(easy);
}
