// The SMTP address that names a mailbox. Only parse() makes one, so holding one means it is valid.
#pragma once

#include "common/error/error.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace relay {

class mailbox_address {
public:
    // Accepts one '@' with text around it, at most 320 bytes, no spaces, controls, quotes or angle brackets.
    // Error: errc::bad_mailbox_address.
    static result<mailbox_address> parse(std::string_view text);

    // As it was given: answers repeat the caller's spelling.
    const std::string& str() const noexcept { return text_; }
    // Lower case (ASCII): what comparing and policy use, as addresses are compared without case.
    const std::string& key() const noexcept { return key_; }

    friend bool operator==(const mailbox_address& a, const mailbox_address& b) { return a.key_ == b.key_; }
    friend auto operator<=>(const mailbox_address& a, const mailbox_address& b) { return a.key_ <=> b.key_; }

private:
    mailbox_address(std::string text, std::string key) : text_(std::move(text)), key_(std::move(key)) {}
    std::string text_;
    std::string key_;
};

} // namespace relay
