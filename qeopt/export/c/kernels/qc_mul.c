/* Products: scales[0] * in * in2, over 2^shift; the second has one value a channel where `is_joined` says so. */
#include "qc_core.h"

void qc_mul(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *one = qc_at(&layer->in, memory), *two = qc_at(&layer->in2, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t i;
  for (i = 0; i < count; i++) {
    const uint32_t other = layer->is_joined ? i % layer->channels : i;
    const int32_t product = qc_of(&layer->in, one, i) * qc_of(&layer->in2, two, other);
    qc_put(&writer, qc_scale(product, layer->scales[0], layer->shifts[0], layer));
  }
  qc_end(&writer);
}
