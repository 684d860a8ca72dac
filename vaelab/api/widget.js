// The explorer's page in a frame; what is selected in it goes back to Python.
export default {
  render({model, el}) {
    const frame = document.createElement('iframe');
    frame.title = 'latent explorer';
    frame.style.cssText = `width:100%;height:${model.get('height')}px;border:1px solid #8884;border-radius:6px`;
    const selected = event => {
      if (event.source !== frame.contentWindow || event.data?.vaelab !== 'selection') return;
      model.set('rows', event.data.rows.filter(Number.isInteger));
      model.save_changes();
    };
    addEventListener('message', selected);
    if (model.get('embedded')) frame.srcdoc = model.get('page');
    else frame.src = model.get('page');
    el.append(frame);
    return () => removeEventListener('message', selected);
  },
};
