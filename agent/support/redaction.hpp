// Takes out of a text what must not leave the customer's network.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relay::support {

class redaction {
public:
    // A secret shorter than this is not looked for: it would be found everywhere, and the gaps would tell it.
    static constexpr std::size_t shortest_secret = 4;

    // What must not be seen in any text that is cleaned from now on: as it is, escaped as in JSON, XML and logs,
    // percent-encoded, in base64 (at any place of a longer text), in hex, and all that of its UTF-16. False where it is too
    // short.
    bool hide(std::string_view secret);

    enum class depth {
        secrets, // what was given to hide(), and what looks like one: user and password in a URL, the values of
                 // Authorization headers, private keys in PEM
        secrets_and_addresses, // and e-mail addresses: each becomes <address N>, the same N wherever it stands
    };
    struct tally {
        std::size_t secrets = 0;
        std::size_t addresses = 0;
    };
    // Adds to `t` what was taken out.
    std::string clean(std::string_view text, depth d, tally& t);

private:
    struct range {
        std::size_t begin, end;
    };
    using ranges = std::vector<range>;

    std::string clean_line(std::string_view line, depth d, tally& t);
    void find_known(std::string_view line, ranges& found) const;
    void find_encoded(std::string_view line, ranges& found) const;
    std::string number_addresses(std::string_view line, tally& t);

    std::vector<std::string> plain_;  // found where they stand
    std::vector<std::string> base64_; // found with all of the base64 around them
    std::vector<std::string> raw_;    // looked for in what percent-encoding stands for
    std::map<std::string, std::size_t, std::less<>> addresses_;
};

} // namespace relay::support
