// cloud-sim: plays Workestra cloud on loopback. tests/stand_ins/README.md describes it.
#include "tests/stand_ins/cloud/client_commands.hpp"
#include "tests/stand_ins/cloud/serve.hpp"

namespace {

void add_serve(CLI::App& app, relay::cloud_sim::serve_options& o, std::int64_t& heartbeat_s, bool& chosen)
{
    auto* sub = app.add_subcommand("serve", "Serve agents; prints its addresses as one JSON line");
    sub->add_option("--certificate", o.tls.certificate, "Server certificate, PEM")->required();
    sub->add_option("--key", o.tls.key, "Its private key, PEM")->required();
    sub->add_option("--client-ca", o.tls.client_ca, "CA that signs the agents' certificates, PEM")
        ->required();
    sub->add_option("--client-ca-key", o.tls.client_ca_key,
                    "Its private key, PEM: with it agents are enrolled and renewed here");
    sub->add_option("--store", o.store, "SQLite file, made where it is missing")->required();
    sub->add_option("--listen", o.listen, "Address for agents, loopback only")->capture_default_str();
    sub->add_option("--control", o.control, "Address of the control interface, loopback only")
        ->capture_default_str();
    sub->add_option("--heartbeat-s", heartbeat_s, "Heartbeat told to agents")
        ->capture_default_str()
        ->check(CLI::Range(1, 3600));
    sub->add_option("--max-message-bytes", o.limits.max_message_bytes, "Limit told to agents")
        ->capture_default_str()
        ->check(CLI::Range(1024, 64 << 20));
    sub->add_option("--ack-every", o.limits.ack_every, "Acknowledge when so many messages are due")
        ->capture_default_str()
        ->check(CLI::Range(1, 1'000'000));
    sub->add_flag("!--no-deflate", o.deflate, "Do not accept permessage-deflate");
    sub->callback([&chosen] { chosen = true; });
}

} // namespace

int main(int argc, char** argv)
{
    CLI::App app{"A stand-in for Workestra cloud, for tests and the demo", "cloud-sim"};
    app.require_subcommand(1);
    relay::cloud_sim::serve_options options;
    std::int64_t heartbeat_s = options.limits.heartbeat.count();
    bool serving = false;
    int exit_code = 0;
    add_serve(app, options, heartbeat_s, serving);
    relay::cloud_sim::add_client_commands(app, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    options.limits.heartbeat = std::chrono::seconds(heartbeat_s);
    return serving ? relay::cloud_sim::serve(options) : exit_code;
}
