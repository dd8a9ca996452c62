/**
 * header_text.h - the small grammar that HTTP's headers share: words whatever their case, lists, blanks around.
 *
 * What is handed back points into what was given.
 */
#ifndef ACCESS_HEADER_TEXT_H
#define ACCESS_HEADER_TEXT_H

#include "base/buf.h"

/** Without the spaces and tabs at both ends. */
struct hy_bytes header_trimmed(struct hy_bytes text);

/** Cuts off what stands before the first `mark`, and gives it back trimmed; all of it when there is none. */
struct hy_bytes header_take_until(struct hy_bytes *rest, char mark);

/** The same letters, whatever their case (ASCII). */
bool header_same(struct hy_bytes a, struct hy_bytes b);

#endif
