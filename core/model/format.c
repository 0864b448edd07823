#include "core/model/format.h"

#include <arpa/inet.h>

#include "core/base/banned.h"

enum { LABEL_MAX = 63, HOST_MAX = 253, LOCAL_MAX = 64, EMAIL_MAX = 254, PHONE_MIN = 7 };
enum { PHONE_MAX = 15 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_beyond_ascii(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Names with points between: 1 to 63 letters, digits and hyphens, no hyphen at either end. */
static bool is_host(struct md_str text, bool international, unsigned least)
{
	unsigned labels = 0;
	size_t start = 0;

	if (text.len == 0 || text.len > HOST_MAX)
		return false;
	for (size_t i = 0; i <= text.len; i++) {
		char c = i < text.len ? text.ptr[i] : '.';

		if (c == '.') {
			if (i == start || i - start > LABEL_MAX || text.ptr[start] == '-' ||
			    text.ptr[i - 1] == '-')
				return false;
			labels++;
			start = i + 1;
		} else if (!is_letter(c) && !is_digit(c) && c != '-' &&
			   !(international && is_beyond_ascii(c))) {
			return false;
		}
	}
	return labels >= least;
}

static bool fits_hostname(struct md_str text)
{
	return is_host(text, false, 1);
}

/* name@example.org: no quotes, no comments, no address literals, and a domain of two names at
 * least. Letters beyond ASCII may stand on both sides. */
static bool fits_email(struct md_str text)
{
	const char *at = text.len > 0 ? memchr(text.ptr, '@', text.len) : NULL;
	size_t local = at ? (size_t)(at - text.ptr) : 0;

	if (local == 0 || local > LOCAL_MAX || text.len > EMAIL_MAX)
		return false;
	for (size_t i = 0; i < local; i++) {
		char c = text.ptr[i];

		if (c == '.' && (i == 0 || i + 1 == local || text.ptr[i - 1] == '.'))
			return false;
		if (!is_letter(c) && !is_digit(c) && !is_beyond_ascii(c) &&
		    !is_one_of(c, ".!#$%&'*+/=?^_`{|}~-"))
			return false;
	}
	return is_host((struct md_str){ at + 1, text.len - local - 1 }, true, 2);
}

/* scheme:rest of RFC 3986: its characters only, and what is encoded is encoded well. */
static bool fits_uri(struct md_str text)
{
	size_t i = 0;

	if (text.len == 0 || !is_letter(text.ptr[0]))
		return false;
	while (i < text.len &&
	       (is_letter(text.ptr[i]) || is_digit(text.ptr[i]) || is_one_of(text.ptr[i], "+-.")))
		i++;
	if (i + 1 >= text.len || text.ptr[i] != ':')
		return false;
	for (i++; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%' &&
		    (i + 2 >= text.len || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2])))
			return false;
		if (c != '%' && !is_letter(c) && !is_digit(c) &&
		    !is_one_of(c, "-._~:/?#[]@!$&'()*+,;="))
			return false;
	}
	return true;
}

static bool fits_address(int family, struct md_str text)
{
	unsigned char address[sizeof(struct in6_addr)];
	char copy[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, address) == 1;
}

static bool fits_ipv4(struct md_str text)
{
	return fits_address(AF_INET, text);
}

static bool fits_ipv6(struct md_str text)
{
	return fits_address(AF_INET6, text);
}

/* a-part-of-a-url */
static bool fits_slug(struct md_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '-' && (i == 0 || i + 1 == text.len || text.ptr[i - 1] == '-'))
			return false;
		if (c != '-' && !is_digit(c) && !(c >= 'a' && c <= 'z'))
			return false;
	}
	return text.len > 0;
}

/* +49 30 1234-567: 7 to 15 digits, with or without +, single blanks, hyphens, points and brackets
 * between them. */
static bool fits_phone(struct md_str text)
{
	unsigned digits = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (is_digit(c))
			digits++;
		else if (c == '+' ? i > 0 : !is_one_of(c, " -.()"))
			return false;
	}
	return digits >= PHONE_MIN && digits <= PHONE_MAX && text.len <= 2 * PHONE_MAX &&
	       !is_one_of(text.ptr[0], " -.)") && is_digit(text.ptr[text.len - 1]);
}

bool md_format_fits(enum md_def_format format, struct md_str text)
{
	static bool (*const formats[])(struct md_str text) = {
		[MD_DEF_EMAIL] = fits_email,       [MD_DEF_URI] = fits_uri,
		[MD_DEF_HOSTNAME] = fits_hostname, [MD_DEF_IPV4] = fits_ipv4,
		[MD_DEF_IPV6] = fits_ipv6,         [MD_DEF_SLUG] = fits_slug,
		[MD_DEF_PHONE] = fits_phone,
	};

	return format == MD_DEF_FORMAT_NONE || formats[format](text);
}
