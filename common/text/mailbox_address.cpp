#include "common/text/mailbox_address.hpp"

#include "common/text/text.hpp"

namespace relay {

result<mailbox_address> mailbox_address::parse(std::string_view text)
{
    constexpr std::size_t longest = 320; // RFC 3696 erratum 1690: 64 + 1 + 255
    const auto at = text.find('@');
    if (text.size() > longest || at == text.npos || at == 0 || at + 1 == text.size() || at != text.rfind('@'))
        return errc::bad_mailbox_address;
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>' ||
            c == ',' || c == ';')
            return errc::bad_mailbox_address;
    if (!is_xml_text(text))
        return errc::bad_mailbox_address;
    return mailbox_address{std::string(text), ascii_lower(text)};
}

} // namespace relay
