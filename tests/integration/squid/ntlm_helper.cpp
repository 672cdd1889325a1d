// A helper of squid that really checks NTLM (the one it brings along takes anybody, and its challenges are malformed):
// squid_ntlm DOMAIN USER PASSWORD. Protocol: https://wiki.squid-cache.org/Features/AddonHelpers
#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/ntlm.hpp"

#include <fmt/format.h>

#include <exception>
#include <iostream>
#include <optional>

using namespace relay::exchange_sim;

namespace {

std::string answer(const sign_in_server& server, std::optional<sign_in_handshake>& handshake,
                   const std::string& line, const char* user)
{
    using outcome = sign_in_handshake::outcome;
    if (line.starts_with("YR"))
        handshake.emplace(server);
    const auto token = line.size() > 3 ? relay::from_base64(line.substr(3)) : std::nullopt;
    if (!handshake || !token)
        return "BH no token";
    std::string reply;
    switch (handshake->step(*token, reply)) {
    case outcome::go_on:
        return "TT " + relay::to_base64(reply);
    case outcome::accepted:
        return fmt::format("AF {}", user);
    case outcome::refused:
        break;
    }
    return "NA refused";
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc != 4)
        return 2;
    ntlm_user_file users;
    users.write(argv[1], argv[2], argv[3]);
    const sign_in_server server(sign_in_scheme::ntlm, extended_protection::off, "");
    std::optional<sign_in_handshake> handshake;
    for (std::string line; std::getline(std::cin, line);)
        std::cout << answer(server, handshake, line, argv[2]) << std::endl;
    return 0;
} catch (const std::exception& e) {
    std::cerr << "squid_ntlm: " << e.what() << '\n';
    return 1;
}
