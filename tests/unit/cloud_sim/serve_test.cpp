#include "tests/stand_ins/cloud/serve.hpp"
#include "tests/stand_ins/control/control_client.hpp"
#include "tests/unit/cloud_sim/scripted_agent.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace relay;
using namespace relay::cloud_sim;
using relay::test::scripted_agent;

namespace {

// A folder that goes away with the test program, with a PKI in it.
const std::string& folder()
{
    struct temporary {
        temporary()
        {
            path = std::filesystem::temp_directory_path() / ("relay-cloud-sim-" + std::to_string(getpid()));
            std::filesystem::create_directories(path);
            const auto made = std::system((RELAY_MAKE_DEV_PKI " " + path.string()).c_str());
            text = made == 0 ? path.string() : throw std::runtime_error("make-dev-pki.sh failed");
        }
        ~temporary() { std::filesystem::remove_all(path); }
        std::filesystem::path path;
        std::string text;
    };
    static const temporary one;
    return one.text;
}

// cloud-sim on a thread of its own.
struct running_cloud {
    explicit running_cloud(const std::string& store = "")
        : options{make_options(store)},
          sim(context, options)
    {
        asio::co_spawn(context, sim.run(), [this](std::exception_ptr e) { failure = e; });
        thread = std::thread([this] { context.run(); });
    }
    ~running_cloud()
    {
        asio::post(context, [this] { sim.stop(); });
        thread.join();
        CHECK_FALSE(failure);
    }

    static serve_options make_options(const std::string& store)
    {
        static int number = 0;
        serve_options o;
        o.tls = {folder() + "/cloud-server.crt", folder() + "/cloud-server.key", folder() + "/cloud-ca.crt"};
        o.store = store.empty() ? folder() + "/store-" + std::to_string(++number) : store;
        return o;
    }

    json::value call(std::string_view method, std::string_view target, const json::value& body = nullptr)
    {
        stand_in::control_client client(sim.control_url());
        const auto reply = client.call(method, target, body);
        REQUIRE(reply.has_value());
        last_status = reply->status;
        return reply->body;
    }

    asio::io_context context;
    serve_options options;
    simulation sim;
    std::exception_ptr failure;
    std::thread thread;
    int last_status = 0;
};

const json::object event_result{{"event_id", "e1"}, {"item_id", "i"}, {"change_key", "k"}, {"uid", "u"}};

std::string result_of(const json::object& command, std::int64_t seq)
{
    auto output = event_result;
    output["event_id"] = command.at("params").at("event_id");
    return json::serialize(json::object{{"type", "result"},
                                        {"id", command.at("id")},
                                        {"seq", seq},
                                        {"ok", true},
                                        {"output", output},
                                        {"attempts", 1},
                                        {"took_ms", 1}});
}

std::string accepted(const json::object& command)
{
    return json::serialize(json::object{{"type", "accepted"}, {"id", command.at("id")}});
}

const json::value create{{"op", "event.create"}, {"mailbox", "a@b.c"}, {"params", {{"event_id", "e1"}}}};

} // namespace

TEST_CASE("agents without a certificate of the cloud's are refused", "[integration][cloud_sim]")
{
    running_cloud cloud;
    scripted_agent foreign(folder(), "agent-other-ca"), expired(folder(), "agent-expired");
    // TLS 1.3 tells a client that it is refused only when it reads: the upgrade fails, if not the handshake.
    CHECK_FALSE(foreign.connect(cloud.sim.url()).empty());
    CHECK_FALSE(expired.connect(cloud.sim.url()).empty());
    CHECK(cloud.call("GET", "/agents") == json::array{});
    CHECK(cloud.call("GET", "/connections").at("refused") == 2);
}

TEST_CASE("the upgrade needs the path and the subprotocol", "[integration][cloud_sim]")
{
    running_cloud cloud;
    scripted_agent one(folder()), two(folder()), three(folder());
    CHECK_FALSE(one.connect(cloud.sim.url() + "/other").empty());
    CHECK_FALSE(two.connect(cloud.sim.url(), "other").empty());
    cloud.call("PUT", "/behaviour", {{"no_subprotocol", true}});
    CHECK(three.connect(cloud.sim.url()).empty());
    CHECK(three.subprotocol().empty());
}

TEST_CASE("acknowledged results survive the cloud's end, and so do violations and waiting commands",
          "[integration][cloud_sim]")
{
    const auto store = folder() + "/durable";
    {
        running_cloud cloud(store);
        scripted_agent agent(folder());
        const auto welcome = agent.greet(cloud.sim.url());
        REQUIRE(welcome.at("type") == "welcome");
        CHECK(welcome.at("ack") == 0);
        CHECK(welcome.at("heartbeat_s") == 20);
        const auto id = cloud.call("POST", "/commands", create).at("id");
        const auto command = agent.read().value();
        CHECK(command.at("id") == id);
        CHECK(command.at("redelivered") == false);
        agent.send(accepted(command));
        agent.send(result_of(command, 1));
        CHECK(agent.read().value() == json::object{{"type", "ack"}, {"seq", 1}});
        const auto record = cloud.call("GET", "/commands/" + std::string(id.as_string()) + "?wait_ms=5000");
        CHECK(record.at("state") == "finished");
        CHECK(record.at("result").at("output").at("uid") == "u");
        agent.send(R"({"type":"weather"})");
        CHECK(agent.ping(5000));
        agent.close(1000);
        cloud.call("POST", "/commands",
                   {{"op", "event.get"}, {"id", "later"}, {"params", {{"event_id", "e1"}}}});
    }
    running_cloud cloud(store);
    scripted_agent agent(folder());
    CHECK(agent.greet(cloud.sim.url(), 2, 0).at("ack") == 1);
    CHECK(agent.read().value().at("id") == "later");
    CHECK(cloud.call("GET", "/results").as_array().size() == 1);
    CHECK(cloud.call("GET", "/violations").as_array().size() == 1);
    CHECK(cloud.call("GET", "/ledger").at("stores").at(0).at("highest_seq") == 1);
}

TEST_CASE("a link can be cut, closed and drained", "[integration][cloud_sim]")
{
    running_cloud cloud;
    {
        scripted_agent agent(folder());
        agent.greet(cloud.sim.url());
        cloud.call("POST", "/link", {{"action", "cut"}});
        CHECK_FALSE(agent.read());
        CHECK(agent.ended());
        CHECK_FALSE(agent.close_code());
    }
    {
        scripted_agent agent(folder());
        agent.greet(cloud.sim.url());
        cloud.call("POST", "/link", {{"action", "close"}, {"code", 1012}});
        CHECK_FALSE(agent.read());
        CHECK(agent.close_code() == 1012);
    }
    scripted_agent agent(folder());
    agent.greet(cloud.sim.url());
    cloud.call("POST", "/link", {{"action", "drain"}, {"reconnect_after_ms", 10}});
    CHECK(agent.read().value() == json::object{{"type", "drain"}, {"reconnect_after_ms", 10}});
    cloud.call("POST", "/commands", create);
    agent.close(1001);
    std::this_thread::sleep_for(20ms); // what the cloud asked for
    scripted_agent again(folder());
    again.greet(cloud.sim.url());
    CHECK(again.read().value().at("type") == "command");
    const auto agents = cloud.call("GET", "/agents").as_array();
    CHECK(agents.size() == 4);
    CHECK(agents.at(0).at("connected") == true);
    CHECK(agents.at(1).at("close_code") == 1001);
    CHECK(agents.at(1).at("deflate") == true);
    CHECK(cloud.call("GET", "/violations") == json::array{});
    cloud.call("POST", "/link", {{"action", "fly"}});
    CHECK(cloud.last_status == 400);
}

TEST_CASE("a silent cloud answers nothing, and speaks again when it is told to", "[integration][cloud_sim]")
{
    running_cloud cloud;
    scripted_agent agent(folder());
    agent.greet(cloud.sim.url());
    CHECK(agent.ping(5000));
    cloud.call("PUT", "/behaviour", {{"silent", true}});
    CHECK_FALSE(agent.ping(300));
    cloud.call("POST", "/commands", create);
    CHECK_FALSE(agent.read(100));
    CHECK_FALSE(agent.ended());
    cloud.call("PUT", "/behaviour", {{"silent", false}});
    CHECK(agent.read().value().at("type") == "command");
    CHECK(cloud.call("GET", "/agents").at(0).at("pings") == 2);
}

TEST_CASE("agents are rejected with the code and the delay that were set", "[integration][cloud_sim]")
{
    running_cloud cloud;
    cloud.call("PUT", "/behaviour",
               {{"reject", {{"code", "revoked"}, {"message", "gone"}, {"retry_after_s", 300}}}});
    scripted_agent agent(folder());
    CHECK(agent.greet(cloud.sim.url()) ==
          json::object{{"type", "reject"}, {"code", "revoked"}, {"message", "gone"}, {"retry_after_s", 300}});
    CHECK_FALSE(agent.read());
    CHECK(agent.ended());
    cloud.call("PUT", "/behaviour", {{"reject", nullptr}});
    scripted_agent again(folder());
    CHECK(again.greet(cloud.sim.url()).at("type") == "welcome");
}

TEST_CASE("frames go out as they are, and faulty ones come back as violations", "[integration][cloud_sim]")
{
    running_cloud cloud;
    scripted_agent agent(folder());
    cloud.call("POST", "/raw", {{"text", "{}"}});
    CHECK(cloud.last_status == 409);
    agent.greet(cloud.sim.url());
    cloud.call("POST", "/raw", {{"text", R"({"type":"surprise"})"}});
    CHECK(agent.read().value().at("type") == "surprise");
    CHECK(cloud.call("POST", "/commands?wait_ms=10", create).at("state") == "sent");
    CHECK(cloud.last_status == 504);
}

TEST_CASE("the benchmark keeps commands under way and measures them", "[integration][cloud_sim]")
{
    running_cloud cloud;
    scripted_agent agent(folder());
    agent.greet(cloud.sim.url());
    constexpr int total = 200;
    json::value report, drained;
    std::thread driver([&] {
        stand_in::control_client client(cloud.sim.control_url());
        report = client
                     .call("POST", "/bench",
                           {{"op", "event.create"},
                            {"mailbox", "a@b.c"},
                            {"total", total},
                            {"outstanding", 8},
                            {"params", {{"event_id", "e-${n}"}}}})
                     .value()
                     .body;
        drained = client.call("POST", "/bench/drain-wait", {{"until_seq", total - 10}, {"timeout_ms", 5000}})
                      .value()
                      .body;
    });
    std::int64_t seq = 0;
    while (seq < total) {
        const auto frame = agent.read();
        if (!frame)
            break;
        if (frame->at("type") != "command")
            continue;
        agent.send(accepted(*frame));
        if (seq < total - 10) {
            agent.send(result_of(*frame, ++seq));
        } else {
            ++seq;
            agent.send(
                R"({"type":"result","id":)" + json::serialize(frame->at("id")) +
                R"(,"ok":false,"error":{"code":"overloaded","message":"m","retryable":true},"attempts":0,"took_ms":0})");
        }
    }
    driver.join();
    CHECK(report.at("completed") == total - 10);
    CHECK(report.at("failed") == 10);
    CHECK(report.at("lost") == 0);
    CHECK(report.at("errors") == json::value{{"overloaded", 10}});
    CHECK(report.at("p50_us").as_double() > 0);
    CHECK(report.at("p50_us").as_double() <= report.at("max_us").as_double());
    CHECK(drained.at("ack") == total - 10);
    CHECK(drained.at("elapsed_ms").as_double() > 0);
    // The last ten were refused after they had been accepted.
    CHECK(cloud.call("GET", "/violations").as_array().size() == 10);
}
