// The server's side of NTLM: real NTLMv2 checks by GSSAPI and gss-ntlmssp, against one account.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace relay::exchange_sim {

// As IIS: off ignores channel bindings, allow refuses wrong ones, require also refuses clients without.
enum class extended_protection { off, allow, require };

// The file gss-ntlmssp reads accounts from (NTLM_USER_FILE): private to us and never on disk. One at a
// time.
class ntlm_user_file {
public:
    // Makes an empty one and names it in the environment: before any thread is started. Throws
    // std::system_error.
    ntlm_user_file();
    ~ntlm_user_file();
    ntlm_user_file(const ntlm_user_file&) = delete;
    ntlm_user_file& operator=(const ntlm_user_file&) = delete;

    // Throws std::system_error; std::invalid_argument for a password that the file's format can not hold.
    void write(std::string_view domain, std::string_view user, std::string_view password);

private:
    int file_; // in memory only: nothing is left behind, however the program ends
};

// What all connections share. Throws std::runtime_error where gss-ntlmssp is not there.
class ntlm_server {
public:
    // `certificate_hash`: of the server's certificate, as RFC 5929 has it for tls-server-end-point.
    ntlm_server(extended_protection protection, std::string_view certificate_hash);
    ~ntlm_server();

private:
    friend class ntlm_handshake;
    struct impl;
    std::unique_ptr<impl> impl_;
};

// The sign-in of one connection. Blocking, but only as long as reading the user file takes.
class ntlm_handshake {
public:
    enum class outcome { go_on, accepted, refused };

    explicit ntlm_handshake(const ntlm_server& server);
    ~ntlm_handshake();

    // Takes the client's token; `answer` becomes the token to send back with go_on.
    outcome step(std::string_view token, std::string& answer);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::exchange_sim
