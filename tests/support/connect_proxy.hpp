// A forward proxy as companies run them: HTTP CONNECT, with or without a sign-in by Basic or NTLM (real checks, by
// gss-ntlmssp). On a thread of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace relay::test {

struct ntlm_account {
    std::string domain, user, password;
};

// What proxies do beside what they have to.
struct proxy_manners {
    std::size_t page_bytes = 0;    // of the page that comes with every answer but a 200
    std::size_t header_bytes = 0;  // beside those that matter, in every answer
    bool closes_after_407 = false; // without saying so
    int interim_answers = 0;       // 103 before a 200
};

class connect_proxy {
public:
    // Listens on a free loopback port. `credentials`: "user:password"; empty: nobody has to sign in. `refusal`: the status
    // line's end that answers everybody ("403 Forbidden"); empty: tunnels are opened.
    explicit connect_proxy(const std::string& credentials = {}, std::string refusal = {},
                           proxy_manners manners = {});
    // Wants NTLM of `account`. One at a time, and made before other threads: the library reads the account from a file that
    // the environment names.
    explicit connect_proxy(const ntlm_account& account, proxy_manners manners = {});
    ~connect_proxy();

    std::uint16_t port() const;
    int tunnels() const;  // opened so far
    int refusals() const; // sign-ins refused so far

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

// TLS in front of a port on loopback: with a connect_proxy behind it, an https:// proxy. On a thread of its own.
class tls_front {
public:
    tls_front(std::uint16_t behind, const std::filesystem::path& certificate,
              const std::filesystem::path& key);
    ~tls_front();

    std::uint16_t port() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::test
