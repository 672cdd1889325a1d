// The server's side of NTLM and Negotiate: real checks by GSSAPI, NTLMv2 by gss-ntlmssp against one account, Kerberos
// against the keytab in KRB5_KTNAME.
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

enum class sign_in_scheme { ntlm, negotiate };

// What all connections share. Throws std::runtime_error where gss-ntlmssp, or a keytab, is not there.
class sign_in_server {
public:
    // `certificate_hash`: of the server's certificate, as RFC 5929 has it for tls-server-end-point.
    sign_in_server(sign_in_scheme scheme, extended_protection protection, std::string_view certificate_hash);
    ~sign_in_server();

private:
    friend class sign_in_handshake;
    struct impl;
    std::unique_ptr<impl> impl_;
};

// The sign-in of one connection. Blocking, but only as long as reading the user file takes.
class sign_in_handshake {
public:
    enum class outcome { go_on, accepted, refused };

    explicit sign_in_handshake(const sign_in_server& server);
    ~sign_in_handshake();

    // Takes the client's token; `answer` becomes the token to send back with go_on.
    outcome step(std::string_view token, std::string& answer);
    // Once accepted: whether that was `user`, in whichever domain.
    bool is_user(std::string_view user) const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::exchange_sim
