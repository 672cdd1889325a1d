#include "tests/stand_ins/cloud/client_commands.hpp"

#include "tests/stand_ins/control/control_client.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>
#include <memory>

namespace relay::cloud_sim {
namespace {

namespace json = boost::json;

// Prints the answer; 0 where it is a success.
int call(const std::string& url, std::string_view method, const std::string& target,
         const json::value& body = nullptr)
{
    constexpr auto limit = std::chrono::hours(1); // the server ends a wait before that
    stand_in::control_client client(url);
    const auto reply = client.call(method, target, body, limit);
    if (!reply) {
        std::cerr << "cloud-sim: " << url << ": " << reply.error().message() << '\n';
        return 1;
    }
    (reply->status == 200 ? std::cout : std::cerr) << json::serialize(reply->body) << '\n';
    return reply->status == 200 ? 0 : 1;
}

struct send_options {
    std::string control, op, mailbox, params = "{}", id;
    std::int64_t ttl_ms = 0;
    bool redelivered = false, no_wait = false;
};

int send(const send_options& o)
{
    error_code ec;
    const auto params = json::parse(o.params, ec);
    if (ec || !params.is_object()) {
        std::cerr << "cloud-sim: --params takes a JSON object\n";
        return 2;
    }
    json::object body{{"op", o.op}, {"params", params}, {"redelivered", o.redelivered}};
    if (!o.mailbox.empty())
        body["mailbox"] = o.mailbox;
    if (!o.id.empty())
        body["id"] = o.id;
    if (o.ttl_ms > 0)
        body["ttl_ms"] = o.ttl_ms;
    return call(o.control, "POST", o.no_wait ? "/commands" : "/commands?wait_ms=3500000", body);
}

void add_send(CLI::App& app, int& exit_code)
{
    auto o = std::make_shared<send_options>();
    auto* sub = app.add_subcommand("send", "Send a command and wait for its result");
    sub->add_option("--control", o->control, "URL of the control interface")->required();
    sub->add_option("op", o->op, "Operation, such as event.create")->required();
    sub->add_option("--mailbox", o->mailbox, "Mailbox to act for");
    sub->add_option("--params", o->params, "Parameters, a JSON object");
    sub->add_option("--ttl-ms", o->ttl_ms, "Time to live in milliseconds");
    sub->add_option("--id", o->id, "Id of the command (made where absent)");
    sub->add_flag("--redelivered", o->redelivered, "Mark it as one that may have been given out before");
    sub->add_flag("--no-wait", o->no_wait, "Print the id and do not wait for the result");
    sub->callback([o, &exit_code] { exit_code = send(*o); });
}

void add_report(CLI::App& app, int& exit_code, const std::string& name, const std::string& path,
                const char* what)
{
    auto url = std::make_shared<std::string>();
    auto* sub = app.add_subcommand(name, what);
    sub->add_option("--control", *url, "URL of the control interface")->required();
    sub->callback([url, path, &exit_code] { exit_code = call(*url, "GET", path); });
}

struct token_options {
    std::string control, agent_id;
    std::int64_t valid_s = 86'400;
};

// The token alone, so that a shell can hand it on: workestra-relay enroll --token "$(cloud-sim token …)"
int make_token(const token_options& o)
{
    stand_in::control_client client(o.control);
    const auto reply = client.call("POST", "/tokens", {{"valid_s", o.valid_s}, {"agent_id", o.agent_id}});
    if (!reply || reply->status != 200) {
        std::cerr << "cloud-sim: " << o.control << ": "
                  << (reply ? json::serialize(reply->body) : reply.error().message()) << '\n';
        return 1;
    }
    std::cout << std::string_view(reply->body.at("token").as_string()) << '\n';
    return 0;
}

void add_token(CLI::App& app, int& exit_code)
{
    auto o = std::make_shared<token_options>();
    auto* sub = app.add_subcommand("token", "Print a new one-time token for workestra-relay enroll");
    sub->add_option("--control", o->control, "URL of the control interface")->required();
    sub->add_option("--valid-s", o->valid_s, "For how many seconds it is good")->capture_default_str();
    sub->add_option("--agent-id", o->agent_id, "Who uses it (made up where absent)");
    sub->callback([o, &exit_code] { exit_code = make_token(*o); });
}

struct fault_options {
    std::string control, action, behaviour;
    std::int64_t reconnect_after_ms = 0, code = 1000;
};

void add_fault(CLI::App& app, int& exit_code)
{
    auto o = std::make_shared<fault_options>();
    auto* sub = app.add_subcommand("fault", "Break the link, or change how agents are treated");
    sub->add_option("--control", o->control, "URL of the control interface")->required();
    sub->add_option("action", o->action, "What to do with the link")
        ->check(CLI::IsMember({"cut", "close", "drain"}));
    sub->add_option("--reconnect-after-ms", o->reconnect_after_ms, "With drain");
    sub->add_option("--code", o->code, "With close");
    sub->add_option("--behaviour", o->behaviour, "JSON object for PUT /behaviour");
    sub->callback([o, &exit_code] {
        error_code ec;
        if (o->action.empty() == o->behaviour.empty()) {
            std::cerr << "cloud-sim: fault takes an action or --behaviour; see --help\n";
            exit_code = 2;
        } else if (!o->action.empty()) {
            exit_code = call(
                o->control, "POST", "/link",
                {{"action", o->action}, {"reconnect_after_ms", o->reconnect_after_ms}, {"code", o->code}});
        } else if (const auto body = json::parse(o->behaviour, ec); ec) {
            std::cerr << "cloud-sim: --behaviour takes a JSON object\n";
            exit_code = 2;
        } else {
            exit_code = call(o->control, "PUT", "/behaviour", body);
        }
    });
}

} // namespace

void add_client_commands(CLI::App& app, int& exit_code)
{
    add_send(app, exit_code);
    add_report(app, exit_code, "results", "/results", "Print the results that arrived");
    add_report(app, exit_code, "events", "/events", "Print the events that arrived");
    add_report(app, exit_code, "agents", "/agents", "Print the sessions, newest first");
    add_report(app, exit_code, "violations", "/violations", "Print what agents did against the protocol");
    add_token(app, exit_code);
    add_fault(app, exit_code);
}

} // namespace relay::cloud_sim
