#include "service/libraries.hpp"

#include <curl/curl.h>
#include <openssl/ssl.h>

#include <stdexcept>

namespace relay::service {

libraries::libraries()
{
    if (OPENSSL_init_ssl(0, nullptr) != 1 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw std::runtime_error(
            "the TLS library could not be initialised; look at OPENSSL_CONF and openssl.cnf");
}

libraries::~libraries()
{
    curl_global_cleanup();
}

} // namespace relay::service
