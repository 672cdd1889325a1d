// workestra-relay: makes the process ready and hands over to the command that was asked for.
#include "common/platform/process.hpp"
#include "service/cli.hpp"
#include "service/config_check.hpp"
#include "service/enroll_command.hpp"
#include "service/run_command.hpp"
#include "service/status_command.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

using namespace relay;

// Both are global and not to be initialised by two threads at once: done here, before there are any.
class libraries {
public:
    libraries()
    {
        if (OPENSSL_init_ssl(0, nullptr) != 1 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error(
                "the TLS library could not be initialised; look at OPENSSL_CONF and openssl.cnf");
    }
    ~libraries() { curl_global_cleanup(); }
    libraries(const libraries&) = delete;
    libraries& operator=(const libraries&) = delete;
};

int carry_out(const service::invocation& asked)
{
    if (const auto* done = std::get_if<service::answered>(&asked))
        return done->exit_code;
    if (const auto* check = std::get_if<service::check_config>(&asked))
        return service::check_configuration(check->config);
    if (const auto* status = std::get_if<service::ask_status>(&asked))
        return service::tell_status(*status);
    const libraries initialised;
    if (const auto* enroll = std::get_if<service::enroll_agent>(&asked))
        return service::enroll(*enroll);
    return service::run_in_foreground(std::get<service::run_agent>(asked).config);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        if (const auto ec = platform::harden_process())
            fmt::print(stderr, "workestra-relay: core files could not be turned off: {}\n", ec.message());
        const auto asked = service::parse_command_line(argc, argv);
        service::cover_token(argc, argv);
        return carry_out(asked);
    } catch (const std::exception& e) {
        fmt::print(stderr, "workestra-relay: {}\n", e.what());
        return service::exit_failure;
    }
}
