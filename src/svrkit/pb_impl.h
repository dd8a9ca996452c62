/**
 * pb_impl.h - what the parts of pb share.
 */
#ifndef PB_IMPL_H
#define PB_IMPL_H

#include "svrkit/pb.h"

/** Bytes of one value of this type in a message's struct, or in a repeated field's array. */
size_t pb_type_size(ProtobufCType type);

#endif
