/* Sums: scales[0] * in + scales[1] * in2, over 2^shift. The output may lie on the first input. */
#include "qc_core.h"

static int32_t sum_of(const qc_layer *layer, const uint8_t *one, const uint8_t *two, uint32_t i) {
  const int64_t sum = (int64_t)qc_of(&layer->in, one, i) * layer->scales[0] + (int64_t)qc_of(&layer->in2, two, i) * layer->scales[1];
  return qc_wide(sum, layer->shifts[0], layer);
}

/* Byte by byte of the output. Where it lies on the first input and is wider, the last byte comes first: no value is lost. */
void qc_add(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *one = qc_at(&layer->in, memory), *two = qc_at(&layer->in2, memory);
  uint8_t *out = qc_at(&layer->out, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels, bits = layer->out.bits, mask = (1u << bits) - 1;
  const uint32_t bytes = (count * bits + 7) >> 3, is_wider = layer->out.bits > layer->in.bits;
  uint32_t i;
  for (i = 0; i < bytes; i++) {
    const uint32_t at = is_wider ? bytes - 1 - i : i;
    uint32_t value = at * 8 / bits, byte = 0, used;
    for (used = 0; used < 8 && value < count; used += bits, value++) byte |= ((uint32_t)sum_of(layer, one, two, value) & mask) << used;
    out[at] = (uint8_t)byte;
  }
}
