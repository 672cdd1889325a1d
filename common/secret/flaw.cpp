#include "common/secret/flaw.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): final, and never deleted
class secret_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "relay.secret"; }

    std::string message(int value) const override
    {
        switch (static_cast<secret_flaw>(value)) {
        case secret_flaw::empty:
            return "is empty";
        case secret_flaw::byte_order_mark:
            return "begins with a byte order mark: write it as UTF-8 without one";
        case secret_flaw::utf_16:
            return "is UTF-16, as PowerShell's > writes it: write it as UTF-8";
        case secret_flaw::not_utf8:
            return "is not UTF-8: set the terminal, or what writes it, to UTF-8";
        case secret_flaw::several_lines:
            return "goes on after a line break; it has to be one line";
        case secret_flaw::control_character:
            return "holds a control character";
        case secret_flaw::too_long:
            return "is too long";
        case secret_flaw::no_source:
            return "cannot be had: the program that prints it could not be started, failed, took too long or "
                   "printed too much";
        }
        return "cannot be used";
    }

    boost::system::error_condition default_error_condition(int) const noexcept override
    {
        return failure::permanent;
    }
};

const secret_category flaws;

bool is_control(char c)
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Nothing where `text`, which has lost its last line break, can be a secret.
error_code flaw_of(std::string_view text, std::size_t longest)
{
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        return secret_flaw::utf_16;
    if (text.starts_with("\xef\xbb\xbf"))
        return secret_flaw::byte_order_mark;
    // Without a mark: every other byte of UTF-16 is a zero where the text is ASCII.
    if (text.size() >= 2 && (text[0] == '\0') != (text[1] == '\0'))
        return secret_flaw::utf_16;
    if (text.find_first_not_of("\r\n") == text.npos)
        return secret_flaw::empty;
    if (text.size() > longest)
        return secret_flaw::too_long;
    if (!is_utf8(text))
        return secret_flaw::not_utf8;
    if (text.find_first_of("\r\n") != text.npos)
        return secret_flaw::several_lines;
    return std::ranges::any_of(text, is_control) ? error_code(secret_flaw::control_character) : error_code();
}

} // namespace

error_code make_error_code(secret_flaw f) noexcept
{
    return {static_cast<int>(f), flaws};
}

result<secret> take_secret(std::string& text, std::size_t longest)
{
    std::string_view line = text;
    if (line.ends_with('\n'))
        line.remove_suffix(1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    const auto flaw = flaw_of(line, longest);
    auto taken = flaw ? result<secret>(flaw) : result<secret>(secret(line));
    wipe(text);
    return taken;
}

std::string trouble_with(std::string_view what, const error_code& why)
{
    const bool flaw = why.category() == flaws;
    return std::string(what) + (flaw ? " " : " cannot be read: ") + why.message();
}

} // namespace relay
