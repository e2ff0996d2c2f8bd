import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Page } from './page.js';
import './style/tokens.css';
import './style/layout.css';
import './style/message.css';
import './style/blocks.css';
import './style/composer.css';
import './style/modal.css';
import './style/tools.css';

const place = document.getElementById('page');
if (place === null) throw new Error('The page has no place to be drawn in.');
createRoot(place).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
