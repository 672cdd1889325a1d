// A name with two addresses, of which the first takes connections and is silent: a server behind a balancer that hangs.
#include "tests/integration/scenario.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <vector>

using namespace relay::test;

namespace {

using boost::asio::ip::tcp;
using Catch::Matchers::Contains;

// Listens on 127.0.0.2, where the stand-ins do not, and says nothing to anybody.
class silent_twin {
public:
    explicit silent_twin(const std::string& url)
        : acceptor_(context_, tcp::endpoint(boost::asio::ip::make_address("127.0.0.2"), port_of(url)))
    {
        acceptor_.non_blocking(true);
    }
    // Connections so far.
    std::size_t dialled()
    {
        for (boost::system::error_code ec;;) {
            tcp::socket socket(context_);
            acceptor_.accept(socket, ec);
            if (ec)
                return kept_.size();
            kept_.push_back(std::move(socket));
        }
    }

private:
    static std::uint16_t port_of(const std::string& url)
    {
        const auto begin = url.rfind(':') + 1;
        return static_cast<std::uint16_t>(std::stoi(url.substr(begin, url.find('/', begin) - begin)));
    }

    boost::asio::io_context context_;
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> kept_;
};

world_options with_two_addresses()
{
    auto variables = preloaded(RELAY_BROKEN_NETWORK);
    variables["RELAY_TWO_ADDRESSES"] = "127.0.0.2,127.0.0.1";
    return {.config = {},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = std::move(variables),
            .start_agent = false};
}

} // namespace

TEST_CASE("where the cloud's first address is silent the next dial goes to the other one, and stays with it",
          "[integration][addresses]")
{
    scenario w(with_two_addresses());
    silent_twin twin(w.cloud_url());
    w.start_agent();
    w.wait_connected(30s); // the first dial's handshake may take 10 s
    CHECK(twin.dialled() == 1);
    CHECK_THAT(w.agent_log(), Contains("took longer than 10 s (at 127.0.0.2)"));
    CHECK(eventually([&] {
        return w.agent_log().find("connected to " + w.cloud_url() + " (127.0.0.1) again") !=
               std::string::npos;
    })); // the cloud knows a moment before the agent

    for (int i = 0; i < 3; ++i) {
        const auto links = w.cloud().get("/agents").as_array().size();
        w.cut_link();
        REQUIRE(
            eventually([&] { return w.cloud().get("/agents").as_array().size() > links && w.connected(); }));
    }
    CHECK(twin.dialled() == 1);
}

TEST_CASE(
    "where Exchange's first address is silent the next connection goes to the other one, and stays with it",
    "[integration][addresses]")
{
    auto options = with_two_addresses();
    const auto pair =
        (development_pki() / "exchange-server-wrong-name").string(); // libcurl knows localhost by heart
    options.exchange_arguments = {"--certificate", pair + ".crt", "--key", pair + ".key"};
    scenario w(std::move(options));
    silent_twin twin(w.ews_url());
    auto url = w.ews_url();
    url.replace(url.find("localhost"), 9, "elsewhere.invalid");
    w.configure(
        {{"exchange.url", "'" + url + "'"}, {"exchange.max_connections", "1"}, {"exchange.timeout_s", "3"}});
    w.start_agent();
    w.wait_connected();
    const auto r = w.call("connection.test", "", {}, {{"ttl_ms", 20'000}});
    CHECK(described(r) == "ok");
    CHECK(twin.dialled() == 1);
    CHECK_THAT(w.agent_log(), Contains("(at 127.0.0.2)"));
    for (int i = 0; i < 3; ++i) {
        w.faults({fault("ResolveNames", "before", "reset")}); // a new connection after it
        CHECK(described(w.call("connection.test", "", {})) == "ok");
    }
    CHECK(twin.dialled() == 1);
}
