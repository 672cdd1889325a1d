// The server's certificate: the TLS context made from it, and the hash that clients bind NTLM to.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <string>

namespace relay::exchange_sim {

enum class tls_versions { modern, only_1_2, only_1_0 };
// As IIS has it. Which certificate a client shows is not looked at.
enum class client_certificates { ignored, accepted, required };

struct tls_wishes {
    tls_versions versions = tls_versions::modern; // 1.2 and newer
    client_certificates of_clients = client_certificates::ignored;
};

// From PEM files. Throws std::runtime_error in plain words.
boost::asio::ssl::context make_server_context(const std::string& certificate, const std::string& key,
                                              tls_wishes wishes);

// RFC 5929, tls-server-end-point: the certificate hashed by the hash of its signature, SHA-256 in place of
// older ones.
std::string certificate_hash(boost::asio::ssl::context& context);

} // namespace relay::exchange_sim
