// A private key of our own and the request to certify it (PKCS #10). The key is made here and stays here.
#pragma once

#include "agent/enrolment/outcome.hpp"

#include <string>
#include <utility>

namespace relay::enrolment {

// The text of a private key, wiped when it goes. Moves, does not copy.
class private_key {
public:
    private_key() = default;
    explicit private_key(std::string pem) : pem_(std::move(pem)) {}
    private_key(private_key&& other) noexcept : pem_(std::move(other.pem_)) { other.pem_.clear(); }
    private_key& operator=(private_key&& other) noexcept;
    ~private_key() { wipe(); }

    const std::string& pem() const noexcept { return pem_; }

private:
    void wipe() noexcept;
    std::string pem_; // longer than what a string keeps in itself: a move leaves no copy behind
};

struct key_request {
    private_key key;     // P-256, PKCS #8, PEM, not encrypted
    std::string request; // PEM
};

// `name` becomes the common name asked for, cut to the 64 characters that X.520 allows; the cloud may give another one.
outcome<key_request> make_key_request(const std::string& name);

} // namespace relay::enrolment
