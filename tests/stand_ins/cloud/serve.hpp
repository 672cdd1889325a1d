// `cloud-sim serve`: the cloud's end with its link and its control interface, until it is told to stop.
#pragma once

#include "tests/stand_ins/cloud/cloud.hpp"
#include "tests/stand_ins/cloud/wss_server.hpp"
#include "tests/stand_ins/control/control_server.hpp"

#include <string>

namespace relay::cloud_sim {

struct serve_options {
    tls_files tls;
    std::string store;
    std::string listen = "127.0.0.1:0", control = "127.0.0.1:0";
    settings limits;
    bool deflate = true;
};

// The whole of it on one io_context; a test may run one in its own process.
class simulation {
public:
    // Throws where the store, a certificate or an address cannot be used.
    simulation(asio::io_context& context, const serve_options& o);

    std::string url() const { return server_.url(); }
    std::string control_url() const { return control_.url(); }

    // Until stop(); what the store failed with is thrown by the io_context's run().
    task<void> run();
    void stop();

private:
    real_time time_;
    std::optional<frame_log> frames_ = frame_log::from_environment();
    recorder disk_;
    cloud cloud_;
    wss_server server_;
    stand_in::control_server control_;

    simulation(asio::io_context& context, const serve_options& o, contents known);
};

// Prints the addresses, serves until SIGTERM or SIGINT; returns the exit code.
int serve(const serve_options& o);

} // namespace relay::cloud_sim
